"""No connection leaves: one set of socket hooks, and the policies that refuse connections.

`socket_hooks` sees every name look-up, connection and TLS handshake of this process. The policies:
`connection_audit` (a run against a paid service), `local_only` (a client under test) and
`api_guard` (a test that uses the pytest plugin).
"""
