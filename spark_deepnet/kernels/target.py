"""The CPU that numba compiles for: the bytes of its vectors and the number of its vector registers.

Asked of LLVM and not of the machine, because ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` may name another kind of CPU
than this one, such as the oldest of a cluster's."""

from __future__ import annotations

import llvmlite.binding as llvm
from numba.core import config
from numba.core.codegen import get_host_cpu_features

_PROBE = """
define void @probe(ptr %p) {
    %x = load <16 x float>, ptr %p, align 4
    %y = fadd <16 x float> %x, %x
    store <16 x float> %y, ptr %p, align 4
    ret void
}
"""


def _machine_code() -> str:
    """The assembly of sixteen additions at once."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name = config.CPU_NAME or llvm.get_host_cpu_name()
    features = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(name, features)
    return str(machine.emit_assembly(llvm.parse_assembly(_PROBE)))


def vectors_of(machine_code: str, architecture: str) -> tuple[int, int]:
    """(bytes of a vector, vector registers) of the CPU for which the probe was compiled so."""
    if "zmm" in machine_code:
        return 64, 32
    if "ymm" in machine_code:
        return 32, 16
    return 16, 16 if architecture.startswith(("x86", "i686")) else 32


VECTOR_BYTES, REGISTERS = vectors_of(_machine_code(), llvm.get_process_triple())
HAS_MASKS = VECTOR_BYTES == 64
"""Whether there are registers for masks, so that reading a part of a vector costs as little as reading all of it."""
