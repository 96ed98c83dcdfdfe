"""The shell all services share: HTTP, storage, outbox, directory of parties, inspection, settings.

Nothing here knows a paper. A role builds a `Service` (service.py), and each protocol module of the
role installs its handlers on it.
"""
