"""Which parts of a design keep their weights in training, as its training settings say."""

from dataclasses import dataclass

from designer.document import Design


@dataclass(frozen=True)
class Freezing:
    """Definitions, and nodes as "Definition/node", that are frozen, and those inside that are trained all the same."""

    frozen: frozenset[str] = frozenset()
    trainable: frozenset[str] = frozenset()

    @classmethod
    def of(cls, design: Design) -> "Freezing":
        """Return what a design freezes."""
        return cls(*(frozenset(design.training.get(name, ())) for name in ("frozen", "trainable")))

    def fixes(self, part: set[str], outer: bool) -> bool:
        """Return whether a part keeps its weights, given its names and whether what holds it does."""
        return not part & self.trainable and (outer or bool(part & self.frozen))


NOTHING = Freezing()
