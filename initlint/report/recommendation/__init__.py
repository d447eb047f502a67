"""The formats of `initlint recommend`: one module each, only `render(advice, layers) -> str`."""
