"""The headers that every answer has: what a browser may do with the page."""

from __future__ import annotations

from aiohttp.web import Request, StreamResponse

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Scripts and styles come from this server alone, none from inside the page or made of text."""

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Server": "live-reduction",
}


async def add_headers(request: Request, response: StreamResponse) -> None:
    """Add the headers to an answer; called by aiohttp before each is sent."""
    response.headers.update(SECURITY_HEADERS)
    if "Cache-Control" not in response.headers:
        is_page = request.path.startswith("/page/") or request.path == "/"
        # The page's files are asked for again each time, and answered by 304 if they are the same.
        response.headers["Cache-Control"] = "no-cache" if is_page else "no-store"
