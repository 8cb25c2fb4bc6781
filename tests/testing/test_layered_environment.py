"""Variables of workspaces of several scopes."""

from __future__ import annotations

from getimg_mock.testing.layered_environment import LayeredEnvironment


def test_the_smallest_scope_holds_in_any_order_of_ends() -> None:
    """A session that begins after a module takes nothing from it, and leaves nothing behind."""
    environment = {"KEY": "mine", "OTHER": "kept"}
    layers = LayeredEnvironment(environment)
    module, session = (
        layers.add(1, {"KEY": "module"}),
        layers.add(2, {"KEY": "session", "NEW": "1"}),
    )
    module.__enter__()
    session.__enter__()
    assert environment == {"KEY": "module", "OTHER": "kept", "NEW": "1"}
    with layers.add(0, {"KEY": "test"}):
        assert environment["KEY"] == "test"
    assert environment["KEY"] == "module"
    module.__exit__(None, None, None)
    assert environment["KEY"] == "session"
    session.__exit__(None, None, None)
    assert environment == {"KEY": "mine", "OTHER": "kept"}


def test_of_equal_scopes_the_latest_holds() -> None:
    """As with patches that are undone in reverse order."""
    environment: dict[str, str] = {}
    layers = LayeredEnvironment(environment)
    with layers.add(0, {"KEY": "first"}):
        with layers.add(0, {"KEY": "second"}):
            assert environment["KEY"] == "second"
        assert environment["KEY"] == "first"
    assert environment == {}
