"""The subcommands of wadi videos."""
