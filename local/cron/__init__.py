"""PingSources: events at the times of a cron schedule."""
