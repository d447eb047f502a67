"""The formats of `initlint inspect`: one module each, only `render(inspection) -> str`."""
