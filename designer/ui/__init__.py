"""The browser app: a Gradio page that hosts the prebuilt editor. Gradio is imported nowhere else."""
