"""Say how thorough a look into data is, and hold what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mmmask.utils.progress import Progress


@dataclass(frozen=True)
class Scan:
    """The thoroughness of a look into a data set.

    Attributes:
        opened: Images and label maps that are opened, evenly spread; None opens all.
        looked_for: Files that are looked for, evenly spread; None looks for all.
        progress: Makes a progress from a title and a total; None shows nothing.
    """

    opened: int | None = 8
    looked_for: int | None = 1000
    progress: Callable[[str, int], Progress] | None = None

    def each(self, title: str, items: Iterable, total: int) -> Iterable:
        """Yield the items, with progress."""
        progress = self.progress(title, total) if self.progress else None
        for item in items:
            yield item
            if progress is not None:
                progress.advance(1)


QUICK = Scan()
"""The scan before every run."""


@dataclass
class Found:
    """The content of a built data set.

    Attributes:
        images: Number of images.
        published: The published number of images; None where it is unknown.
        num_classes: Number of classes; None where only a list of labels tells of them.
        facts: Other numbers by name, as they are printed.
        notes: What is unusual but no error.
        sizes: Width and height of each opened image, in pixels.
        classes: What the labels are the ranks of: class folders, category ids, or names.
    """

    images: int
    published: int | None = None
    num_classes: int | None = None
    facts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    classes: list = field(default_factory=list)

    def differs(self) -> str | None:
        """Return the sentence about another number of images than the published one, if it is."""
        if self.published is None or self.images == self.published:
            return None
        return f'{self.images:,} images, but the published split has {self.published:,}'
