"""Functions as processes that run only while there is work: from zero, up to containerConcurrency, and back.

A pool for each function starts instances through the launcher; the launcher's zygote forks them. It knows nothing of
where requests and events come from.
"""
