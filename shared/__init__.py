"""The library that functions are written with: a package per port, a module per implementation."""
