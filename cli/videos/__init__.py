"""The subcommands of `wadi videos`, one file each."""
