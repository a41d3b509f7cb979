"""The app: hand in photos and see the answers of the model. Start it with `make app`."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from app.uploads import UploadLimit
from app.visitors import forget_who_left

# Streamlit checks the host only where a page opens its connection; this does so for every request.
_hosts = st.get_option("server.allowedHosts") or ["*"]

app = st.App(
    "navigation.py",
    lifespan=forget_who_left,
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=_hosts, www_redirect=False),
        Middleware(UploadLimit),
    ],
)
