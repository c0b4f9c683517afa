"""The platform under test: five small services, and what they share.

A service is a folder; beside them stand the rooms that all of them use. Users come in through the
gateway (JSON) and the web service (pages). auth, chat and kb believe the header `X-User-Id`,
because the gateway alone reaches them: their ports are published nowhere and must not be.
"""
