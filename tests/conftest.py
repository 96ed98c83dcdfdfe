"""Settings of all tests."""

from hypothesis import settings

# A busy machine makes an example slow, not wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
