"""Entry point `vllm.general_plugins`. Imports nothing at the top: vLLM only logs a plugin that fails to import, and goes on."""


def register() -> None:
    """Called in the engine and in each worker; the guard is as `WEIGHMARK_GUARD` says, a JSON object of its options."""
    from ._guard import from_environment

    from_environment()
