"""Campaigns that somebody edits all the time; knows nothing of who makes their pictures."""

import random
from pathlib import Path
from typing import Any

import yaml

from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

_CAMPAIGNS = ("autumn", "harvest", "winter")
# Shots of a campaign, at first and at most.
_FIRST, _MOST = 6, 14
# When the schedule of a campaign looks for what is due.
_REFRESH = "*/4 * * * *"
_CHARACTERS = ((), ("ada",), ("ben",), ("ada", "ben"))


class ChangingBriefs:
    """Briefs in a folder that all hosts read, as a checkout of one repository would be.

    Args:
        folder: Where they are.
        dice: Chooses what is edited.
    """

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder = folder
        self._dice = dice
        self._number = 0
        self._shots: dict[str, list[dict[str, Any]]] = {name: [] for name in _CAMPAIGNS}
        for shots in self._shots.values():
            shots.extend(self._new_shot() for _ in range(_FIRST))
        write_briefs(folder, *(self._campaign(name) for name in _CAMPAIGNS))

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Their ids."""
        return _CAMPAIGNS

    @property
    def prompts(self) -> int:
        """How many pictures the present briefs ask for."""
        return sum(len(shots) for shots in self._shots.values())

    def edit(self) -> str:
        """Edit one campaign; return what was done."""
        name = self._dice.choice(_CAMPAIGNS)
        shots = self._shots[name]
        kind = self._dice.choice(("scene", "scene", "scene", "add", "remove"))
        if kind == "add" and len(shots) < _MOST:
            shots.append(self._new_shot())
        elif kind == "remove" and len(shots) > _FIRST:
            shots.remove(self._dice.choice(shots))
        else:
            kind = "scene"
            for found in self._dice.sample(shots, self._dice.randint(1, 4)):
                found["scene"] = self._scene()
        self._write(name)
        return f"{name}: {kind}"

    def edit_each(self) -> None:
        """Edit a scene of every campaign, so that each has something to buy."""
        for name in _CAMPAIGNS:
            self._dice.choice(self._shots[name])["scene"] = self._scene()
            self._write(name)

    def _write(self, name: str) -> None:
        path = self.folder / "campaigns" / f"{name}.yaml"
        # As an editor writes it: a command that reads meanwhile sees the one before.
        fresh = path.with_name(f".{name}.new")
        fresh.write_text(yaml.safe_dump(self._campaign(name), sort_keys=False), encoding="utf-8")
        fresh.replace(path)

    def _campaign(self, name: str) -> dict[str, Any]:
        fields = {"id": name, "brand": BRAND["id"], "budget_usd": 10000, "refresh": _REFRESH}
        return campaign(*self._shots[name], **fields)

    def _new_shot(self) -> dict[str, Any]:
        self._number += 1
        characters = self._dice.choice(_CHARACTERS)
        return shot(f"shot{self._number}", scene=self._scene(), characters=characters)

    def _scene(self) -> str:
        return f"Tea number {self._dice.randrange(10**9)} is poured"
