"""PingSources: an event to a function at the times of a cron schedule."""
