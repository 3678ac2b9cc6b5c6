from typing import Any

from numpy.typing import NDArray

def copy_packets(source: NDArray[Any], target: NDArray[Any], packet_bytes: int, packets: int, /) -> int: ...
def write_ring(
    function: int, rings: tuple[int, ...], source: NDArray[Any], packet_bytes: int, packets: int, /
) -> None: ...
