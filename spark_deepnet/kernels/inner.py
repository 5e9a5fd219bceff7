"""How a kernel is compiled for the kernels that call it: to LLVM's code alone.

numba compiles a function that is called from compiled code as if Python called it too: with wrappers that unpack and
pack Python's objects, optimized by itself, then as machine code, which nobody runs where the caller inlines it. That was
half of the time of a network's first step. Here the caller gets the code as it is and optimizes all of it at once.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import BaseNativeLowering, NativeLowering

INNER_OPTIONS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class InnerLibrary(JITCodeLibrary):  # type: ignore[misc]
    """LLVM code to link into other libraries."""

    def _optimize_final_module(self) -> None:
        """The caller's library does it."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class InnerLowering(NativeLowering):  # type: ignore[misc]
    """Numba's lowering, into such a library."""

    _name = "inner_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        BaseNativeLowering.run_pass(self, state)
        lowered = state["cr"]
        state.library.finalize()
        name = lowered.fndesc.qualname
        key = _dynfunc.make_function(lowered.fndesc.lookup_module(), name, name, 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=key, env=lowered.env)
        return True


class InnerCompiler(CompilerBase):  # type: ignore[misc]
    """Numba's passes, of which the one that lowers is ours."""

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state, "inner")
        manager.passes = [(InnerLowering if step is NativeLowering else step, why) for step, why in manager.passes]
        manager.finalize()
        return [manager]
