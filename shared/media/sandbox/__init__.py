"""Limited child processes, the only places where bytes of a file that a stranger sent are decoded."""
