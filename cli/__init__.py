"""`wadi`, the command line: it speaks to the platform over HTTP, as any client would."""
