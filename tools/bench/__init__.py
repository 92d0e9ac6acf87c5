"""Measurements of cost, speed and memory: `./task bench:NAME` runs a module by its name. They may import everything."""
