"""TRL's trainer with the objectives of `objective`, an order of rows that every arm has, and one guard: it stops before
a step on a loss that is no number.

TRL's own loss is kept on GPUs, where its kernels make logits for supervised places alone, for mixtures of experts,
whose router has a loss beside, and for heads that `objective.Head` does not know. Elsewhere (a CPU, a KL objective, a
look at held-out rows) the loss is taken in chunks: the same cross-entropy over the tokens of all accumulated batches.
"""

# pyright: basic
from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from peft import PeftModel
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl.trainer.sft_trainer import SFTTrainer

from ownwords.errors import StageError
from ownwords.recipe import KlSection
from ownwords.records import digest
from ownwords.stages.objective import (
    Head,
    LiveSeed,
    SeedPlaces,
    head_is_known,
    head_of,
    in_chunks,
    places_of,
    token_losses,
)
from ownwords.stages.seed_cache import SeedCache


class Trainer(SFTTrainer):
    """`kl` is the pull to the seed, from `cache` if there is one, else from the model without its adapter. `rows` name
    the rows of a batch. The network can give hidden states alone (`objective.expose_hidden_states`)."""

    model: Any  # the libraries' own types know neither adapters nor TRL's arguments
    args: Any

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        kl: KlSection | None = None,
        cache: SeedCache | None = None,
        **arguments: Any,
    ) -> None:
        network = arguments["model"]
        known = head_is_known(network, head_of(network), rows[0]["input_ids"][:8])
        super().__init__(**arguments)
        self._ids = {tuple(row["input_ids"]): row["id"] for row in rows}
        self._kl, self._cache = kl, cache
        self._kl_places: Any = None  # of all accumulated batches
        self._chunked = known and not self.aux_loss_enabled
        if kl is not None and not self._chunked:
            raise StageError(
                "a KL objective is not made for this model: its router has a loss of its own, or its logits are more "
                "than a linear layer's. Leave the arm out of tune.arms."
            )

    def _send_telemetry(self) -> None:
        """The library tells its makers of every training; nobody is told of ours."""

    def _get_train_sampler(self, train_dataset: Any = None) -> RowOrder:
        rows: Any = self.train_dataset
        batches = -(-len(rows) // (self.args.train_batch_size * self.args.world_size))
        steps = -(-batches // self.args.gradient_accumulation_steps)
        return RowOrder(
            rows["length"],
            self.args.train_batch_size * self.args.gradient_accumulation_steps,
            self.args.seed,
            lambda: self.state.global_step // steps,
        )

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        """Also count the places of the KL objective in the batches that make one step."""
        samples, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if self._kl is not None:
            places = [places_of(self._kl.on, batch["labels"], batch["attention_mask"]).sum() for batch in samples]
            self._kl_places = self.accelerator.reduce(torch.stack(places).sum().to(device))
        return samples, items

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        looking = not self.model.training
        own = self._chunked and (looking or self._kl is not None or self.args.device.type == "cpu")
        if own and not return_outputs:
            result = self._loss_in_chunks(model, inputs, num_items_in_batch)
        else:
            result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = result[0] if isinstance(result, tuple) else result
        if not torch.isfinite(loss):
            raise StageError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}, on the rows "
                f"{', '.join(self._names(inputs))}: lower tune.learning_rate, or look at these rows."
            )
        return result

    def _loss_in_chunks(self, model: Any, inputs: Any, items: Any) -> Any:
        """The batch's share of the step's loss: sums over its places by the number of places of all accumulated
        batches. Held-out rows are measured by plain cross-entropy, whatever the objective."""
        looking = not self.model.training
        kl = None if looking else self._kl
        kind: Literal["nll", "dft"] = "nll" if looking else self.args.loss_type
        labels, attention = inputs["labels"], inputs["attention_mask"]
        texts = {"input_ids": inputs["input_ids"], "attention_mask": attention}
        supervised = places_of("target", labels, attention)
        pulled = supervised if kl is None else places_of(kl.on, labels, attention)
        wanted = labels[:, 1:][supervised]
        with self.accelerator.autocast():
            head = self._head
            seed = None if kl is None else self._seed(model, texts, pulled, head)
            hidden = model(**texts, hidden_states_alone=True)[:, :-1]
            count = wanted.numel() if items is None else items
            scale = 1.0 / torch.as_tensor(count, device=hidden.device).clamp(min=1)
            pull = 0.0 if kl is None else kl.weight / self._kl_places.clamp(min=1)

            def supervising(logits: Any, part: slice) -> tuple[Any, list[Any]]:
                logprobs = logits.log_softmax(-1)
                loss = token_losses(logprobs, wanted[part], kind).sum() * scale
                with torch.no_grad():
                    right = (logprobs.argmax(-1) == wanted[part]).sum()
                if seed is None or pulled is not supervised:
                    return loss, [right, torch.zeros_like(loss)]
                far = seed.kl(logprobs, part).sum()
                return loss + pull * far, [right, far.detach()]

            def pulling(logits: Any, part: slice) -> tuple[Any, list[Any]]:
                assert seed is not None
                far = seed.kl(logits.log_softmax(-1), part).sum()
                return pull * far, [far.detach()]

            loss, told = in_chunks(hidden[supervised], head, supervising)
            right, far = told or (torch.zeros(()), torch.zeros(()))
            if kl is not None and pulled is not supervised:
                beside, told = in_chunks(hidden[pulled], head, pulling)
                loss, far = loss + beside, told[0] if told else far
        self._tell(attention, right, wanted.numel(), far)
        if self.args.average_tokens_across_devices and items is not None:
            loss = loss * self.accelerator.num_processes  # which averages the gradients of all
        return loss

    @property
    def _head(self) -> Head:
        return head_of(self._network)

    @property
    def _network(self) -> Any:
        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model

    def _seed(self, model: Any, texts: Any, pulled: Any, head: Head) -> SeedPlaces:
        """The seed at the places of the objective."""
        if self._cache is not None:
            return self._cache.at(_rows(texts), pulled.device)
        with self._as_seed():
            return LiveSeed(model(**texts, hidden_states_alone=True)[:, :-1][pulled], head)

    @contextlib.contextmanager
    def _as_seed(self) -> Generator[None]:
        """The model as it was: adapter off, no dropout, no gradients."""
        self.model.eval()
        try:
            with torch.no_grad(), self.model.disable_adapter():
                yield
        finally:
            self.model.train()

    def _tell(self, attention: Any, right: Any, supervised: int, far: Any) -> None:
        """TRL's metrics, but for the entropy, which would cost more than it says; and the KL, whose mean over a step's
        batches is the step's mean per place."""
        mode = "train" if self.model.training else "eval"
        metrics = self._metrics[mode]
        metrics["mean_token_accuracy"].append(float(right) / max(supervised, 1))
        if mode == "train":
            self._total_train_tokens += int(attention.sum())
            if self._kl is not None:
                share = float(far) / max(float(self._kl_places), 1.0)
                metrics["kl"].append(share * self.current_gradient_accumulation_steps)
        metrics["num_tokens"] = [self._total_train_tokens]

    def _names(self, inputs: Any) -> list[str]:
        return [self._ids.get(row, "of the held-out share") for row in _rows(inputs)]


class RowOrder(Sampler[int]):
    """Places of rows, grouped by length as the library does, but by nothing else than training seed and epoch.

    The library draws the order from the generator that dropout draws from too. So an arm with longer targets had
    another order from the second epoch on, and a training that went on in the midst of an epoch had that of the first:
    some rows came twice, others not at all.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, epoch: Callable[[], int]) -> None:
        """`epoch` tells which one begins, or goes on."""
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        drawn = int(digest([self._seed, "row order", self._epoch()]), 16)
        generator = torch.Generator().manual_seed(drawn)
        return iter(get_length_grouped_indices(self._lengths, self._batch_size, generator=generator))


def _rows(inputs: Any) -> list[tuple[int, ...]]:
    """The token ids of each row of a batch, without padding."""
    masks = inputs["attention_mask"].bool()
    return [tuple(ids[mask].tolist()) for ids, mask in zip(inputs["input_ids"], masks, strict=True)]
