from zcbench.capture.copying import CopyingEngine as CopyingEngine
from zcbench.capture.detached import DetachedPacket as DetachedPacket
from zcbench.capture.engine import CaptureEngine as CaptureEngine
from zcbench.capture.engine import Packet as Packet
from zcbench.capture.engine import PacketFlags as PacketFlags
from zcbench.capture.engine import PoolConfig as PoolConfig
from zcbench.capture.engine import PoolStats as PoolStats
from zcbench.capture.engine import StreamFormat as StreamFormat
from zcbench.capture.engine import find_engine as find_engine
from zcbench.capture.native import NativeEngine as NativeEngine
from zcbench.capture.realtime import RealtimeError as RealtimeError
from zcbench.capture.reference import ReferenceEngine as ReferenceEngine
from zcbench.capture.sources import DeviceSource as DeviceSource
from zcbench.capture.sources import ReplaySource as ReplaySource
from zcbench.capture.sources import SourceError as SourceError
from zcbench.capture.sources import from_file as from_file
from zcbench.capture.sources import input_devices as input_devices
from zcbench.capture.sources import noise as noise
from zcbench.capture.sources import silence as silence
from zcbench.capture.sources import tone as tone

__version__: str
