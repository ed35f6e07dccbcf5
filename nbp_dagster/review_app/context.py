"""What the routes of a review page share, and who makes the request that is answered."""

from dataclasses import dataclass

from starlette.requests import Request

from nbp_dagster.errors import NbpError
from nbp_dagster.review_app.access import AccessRules, Session
from nbp_dagster.review_app.background_runs import BackgroundRuns
from nbp_dagster.review_app.guard import RateLimit, peer_of
from nbp_dagster.studio.asking.asker import Asker
from nbp_dagster.studio.report.report_reader import ReportReader
from nbp_dagster.studio.review.picture_files import PictureFiles
from nbp_dagster.studio.review.reviews import Reviews

COOKIE = "nbp_review"


class NotAdmitted(NbpError):
    """The request comes from nobody who may see this."""


class NameWanted(NbpError):
    """A reviewer must say their name before anything is shown."""


@dataclass(frozen=True)
class Asking:
    """How another picture is asked for, and made."""

    asker: Asker
    runs: BackgroundRuns


@dataclass(frozen=True)
class ReviewContext:
    """What routes work with.

    Attributes:
        reviews: The sets and the decisions.
        reports: What campaigns came to.
        files: The bytes of pictures.
        access: Who may use the page.
        logins: Limits how often one address tries a token.
        posts: Limits what one address posts.
        asking: How pictures are asked for again; None where they can't be.
    """

    reviews: Reviews
    reports: ReportReader
    files: PictureFiles
    access: AccessRules
    logins: RateLimit
    posts: RateLimit
    asking: Asking | None = None


@dataclass(frozen=True)
class Reviewer:
    """Who makes a request.

    Attributes:
        name: For the log of decisions.
        session: The browser's session, of which forms are made.
        can_rename: Whether the name is the reviewer's own word, not a proxy's.
    """

    name: str
    session: Session
    can_rename: bool


def context_of(request: Request) -> ReviewContext:
    """Return what the app was made with."""
    context = request.app.state.context
    assert isinstance(context, ReviewContext)
    return context


def session_of(request: Request) -> Session:
    """Return the session of a request's cookie, or a new one."""
    return context_of(request).access.open_session(request.cookies.get(COOKIE))


def reviewer_of(request: Request) -> Reviewer:
    """Return who makes a request.

    Raises:
        NotAdmitted: The token was not given.
        NameWanted: It was, and no name yet.
    """
    access = context_of(request).access
    session = session_of(request)
    named = access.named_by_proxy(peer_of(request.scope), dict(request.headers))
    if named:
        return Reviewer(named, session, can_rename=False)
    if access.token and not session.is_admitted:
        raise NotAdmitted("this page asks for its token")
    if not access.token and access.proxies and peer_of(request.scope) in access.proxies:
        raise NotAdmitted(f"the proxy did not name a user in {access.user_header}")
    if not access.token and access.proxies:
        raise NotAdmitted("this page is reached through its proxy")
    name = session.name or access.default_name
    if not name:
        raise NameWanted("who reviews?")
    return Reviewer(name, session, can_rename=True)
