"""Compares the faces of a picture with those of the characters' references.

Embeddings of faces are biometric data where the reference is a real person. They live in the
objects of this module alone, in memory; what leaves it are distances and answers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from PIL import Image

from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.vision.embedding import Embedding, embed_face, measure_distance
from nbp_dagster.studio.vision.faces import Face, find_faces
from nbp_dagster.studio.vision.network import load_network

Answer = Literal["same", "other", "unsure", "no opinion"]
Path = Literal["face", "body", "none"]

SAME: Final = 0.50
"""Up to this distance two faces are one character's: of 46 pictures of a character in other scenes
3 lay above, of 391 of another one 4 below (pictures of the model, 2026-11-28)."""

LEAST_LIMIT: Final = 0.40
"""`SAME` is never below it, however much two of a brand's characters look alike."""

OTHER: Final = 0.56
"""From here on they are two characters': none of the 46, all but 26 of the 391."""

LEAST_SIDE: Final = 40.0
"""Pixels of a face's side below which nothing is said of whose it is."""

SURE: Final = 0.6
"""Of a box's score: fewer faces are found than from 0.5 on, and a third of the false boxes."""

NO_FACE_FOUND: Final = "no face found"
"""Why faces don't decide where a character's references show a face and the picture does not."""

_REFERENCE_SCORE: Final = 0.65  # of a face in a reference, which every picture is set beside
_MOST_FACES: Final = 6  # of a picture
_ROOM: Final = 0.03  # between the nearest two faces of a cast and what counts as the same


@dataclass(frozen=True)
class SeenFace:
    """A face of a picture that is large enough to be compared.

    Attributes:
        embedding: Never shown.
        side: Pixels of its longer side.
        score: How sure it is a face, 0.5 to 1.
        is_hidden: Whether half of it is turned away, or a quarter lies outside of the picture.
    """

    embedding: Embedding = field(repr=False)
    side: float
    score: float
    is_hidden: bool = False


@dataclass(frozen=True)
class PictureFaces:
    """The faces of one picture, and how many are too small to say whose they are."""

    large: tuple[SeenFace, ...]
    small: int


@dataclass(frozen=True)
class FaceReading:
    """What a picture's faces say of one character.

    Attributes:
        answer: Whose the nearest face is; None where the faces don't decide, as the character's
            references or the picture show none.
        distance: Of the nearest face, the mean over the character's references.
        number: Which face of the picture that is.
        why: Why there is no opinion, or why faces don't decide, in words.
    """

    answer: Answer | None
    distance: float | None = None
    number: int | None = None
    why: str = ""


class FacePath:
    """The faces of a brand's references, beside which pictures are set.

    Args:
        references: Images of each character, by id, each with how many views it shows.
        same: The largest distance of one character's faces, `OTHER` at most.

    Raises:
        NetworkMissing: The extra `character` is not installed, or a network's file is spoilt.
    """

    version: Final = "1"

    def __init__(
        self,
        references: Mapping[str, Sequence[tuple[Image.Image, int]]],
        *,
        same: float = SAME,
    ) -> None:
        load_network("face_resnet")  # absent or spoilt: said before anything is compared
        self._own = {
            name: tuple(each for image, views in images for each in _embed_best(image, views))
            for name, images in references.items()
        }
        self.same = same

    @property
    def middle(self) -> float:
        """The middle of the distances that decide nothing."""
        return (self.same + OTHER) / 2

    def count(self, name: str) -> int:
        """Return how many faces of a character are known."""
        return len(self._own.get(name, ()))

    def look_at(self, picture: Image.Image) -> PictureFaces:
        """Find and embed the faces of a picture, the six surest; some 70 ms and 25 ms a face."""
        faces = find_faces(picture)[:_MOST_FACES]
        large = [face for face in faces if face.side >= LEAST_SIDE]
        return PictureFaces(
            tuple(
                SeenFace(
                    embed_face(picture, face),
                    face.side,
                    face.score,
                    face.is_turned or _leaves(face, picture.size),
                )
                for face in large
            ),
            sum(face.side < LEAST_SIDE and face.score >= SURE for face in faces),
        )

    def measure(self, name: str, faces: PictureFaces) -> list[float]:
        """Return the distance of each large face to a character's; empty where none is known.

        Several references count by the mean of their distances: it is steadier than the best one.
        """
        own = self._own.get(name, ())
        return [
            round(sum(measure_distance(one, face.embedding) for one in own) / len(own), 4)
            for face in faces.large
            if own
        ]

    def read(self, name: str, faces: PictureFaces, *, cast: Collection[str] = ()) -> FaceReading:
        """Return what a picture's faces say of a character.

        Args:
            name: The character's id.
            faces: The picture's.
            cast: All who are meant to be there: a face that is one of the others' is not this
                one's, so that who has turned away is not called a stranger for it.
        """
        if not self.count(name):
            return FaceReading(None, why="no face on its sheet")
        distances = self.measure(name, faces)
        rivals = [self.measure(each, faces) for each in cast if each != name and self.count(each)]
        free = [
            number
            for number, distance in enumerate(distances)
            if not any(each[number] <= min(self.same, distance) for each in rivals)
        ]
        if not free:
            if faces.small:
                return FaceReading("no opinion", why=f"its face is under {LEAST_SIDE:.0f} px")
            return FaceReading(None, why=NO_FACE_FOUND)
        nearest = min(free, key=distances.__getitem__)
        distance, answer = distances[nearest], self._judge(distances[nearest])
        if answer == "other" and faces.small:
            why = f"a face is under {LEAST_SIDE:.0f} px"
            return FaceReading("no opinion", distance, nearest, why)
        if answer == "other" and faces.large[nearest].is_hidden:
            return FaceReading("no opinion", distance, nearest, "its face is half hidden")
        return FaceReading(answer, distance, nearest)

    def find_limit(self) -> float:
        """Return the `same` at which no two characters of this cast count as one.

        Never above `SAME`, nor so low that a character would not count as itself. `OTHER` stays:
        what a cast that looks alike makes doubtful is unsure, and nothing is bought for it.
        """
        names = list(self._own)
        apart = [
            measure_distance(one, other)
            for place, name in enumerate(names)
            for rival in names[place + 1 :]
            for one in self._own[name]
            for other in self._own[rival]
        ]
        nearest = min(apart, default=1.0)
        return round(min(SAME, max(LEAST_LIMIT, nearest - _ROOM)), 4)

    def _judge(self, distance: float) -> Answer:
        if distance <= self.same:
            return "same"
        return "other" if distance >= OTHER else "unsure"


def _embed_best(image: Image.Image, views: int) -> list[Embedding]:
    """Embed a reference's surest faces: one for each view that it shows."""
    found = find_faces(image, least=_REFERENCE_SCORE)
    sure = [face for face in found if face.side >= LEAST_SIDE and not face.is_turned]
    return [embed_face(image, face) for face in sure[: max(1, views)]]


def _leaves(face: Face, size: tuple[int, int]) -> bool:
    """Whether a quarter of a face lies outside of its picture."""
    return share_of(face.box, (0, 0, *size)) < 0.75
