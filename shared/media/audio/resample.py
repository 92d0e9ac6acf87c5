"""Any sound to 48 kHz stereo floats. Child side: inside the sandbox only."""

import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph

from shared.media.model import SAMPLE_RATE

# The order in which FFmpeg keeps channels: that of their bits in a channel mask.
NATIVE_ORDER = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR")


class StereoResampler:
    """`order`: the channels of the frames where it is not the one that the frames say; []: it is."""

    def __init__(self, order: list[str]) -> None:
        self._order = order if set(order) <= set(NATIVE_ORDER) else []
        self._plain = AudioResampler("fltp", "stereo", SAMPLE_RATE)
        self._graph: Graph | None = None

    def resample(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """All sound that there is by now; None: to the end. All frames must have one format, layout and rate."""
        return self._through_graph(frame) if self._order else self._plain.resample(frame)

    def _through_graph(self, frame: AudioFrame | None) -> list[AudioFrame]:
        if self._graph is None:
            if frame is None:
                return []
            self._graph = self._make_graph(frame)
        self._graph.push(frame)
        out: list[AudioFrame] = []
        while True:
            try:
                pulled = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return out
            assert isinstance(pulled, AudioFrame)
            out.append(pulled)

    def _make_graph(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        names = sorted(self._order, key=NATIVE_ORDER.index)
        mapping = "|".join(f"{place}-{name}" for place, name in enumerate(self._order))
        source = graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=f"1/{frame.sample_rate}",
        )
        mapped = graph.add("channelmap", map=mapping, channel_layout="+".join(names))
        wanted = graph.add("aformat", sample_rates=str(SAMPLE_RATE), sample_fmts="fltp", channel_layouts="stereo")
        graph.link_nodes(source, mapped, wanted, graph.add("abuffersink")).configure()
        return graph
