"""The subcommands of `wadi storage`, one file each."""
