"""`wadi storage`: one file a subcommand."""
