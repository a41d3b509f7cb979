"""Pasting a photo anywhere on the page, as if it had been dropped on the uploader.

Streamlit's uploader accepts no paste. A pasted photo is passed to its input, with the same limits as a selected file.
"""

import streamlit as st

_SCRIPT = """
export default function () {
  const paste = (event) => {
    const photo = [...(event.clipboardData?.files ?? [])][0];
    const input = document.querySelector('[data-testid="stFileUploaderDropzoneInput"]');
    if (!photo || !input) return;
    const transfer = new DataTransfer();
    transfer.items.add(photo);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    event.preventDefault();
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
"""


def listen() -> None:
    """Pass pasted photos to the first uploader on the page."""
    st.components.v2.component("paste", js=_SCRIPT)(key="paste")
