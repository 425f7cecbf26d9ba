"""The look of what is Gradio's own: the page behind the editor, the login page, messages."""

import gradio as gr

CSS = """
.gradio-container { padding: 0 !important; max-width: none !important; }
.designer-host { min-height: 100dvh; }
"""


def theme() -> gr.themes.Base:
    """Return the theme: system fonts (nothing is fetched) and the greys of the editor."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="#f5f6f8",
        body_background_fill_dark="#12151b",
        body_text_color="#1c2430",
        body_text_color_dark="#e4e8ef",
    )
