/** A parameter vector with its moments as TensorFlow's resource variables, updated in place by its own Adam. */

import { DType } from "./binding.js";
import type { AdamHyper, Moving } from "./kernels.js";
import type { Attributes, Handle, NativeCalls } from "./native-calls.js";

/** Makes `moving` of the kernels; each variable gets a name of its own. */
export function nativeMoving(
  { binding, op, effect, upload, free, scopes }: NativeCalls,
  a: Attributes,
): (values: Float32Array) => Moving {
  const T = a.type("T", DType.float);
  const onlyT = [T];
  const variable = [a.type("dtype", DType.float)];
  const adam = [T, a.bool("use_locking", false), a.bool("use_nesterov", false)];
  let variables = 0;
  return (values) => {
    const size = values.length;
    const shape = [size];
    const handle = (): Handle => {
      variables += 1;
      const attrs = [
        a.string("container", ""),
        a.string("shared_name", `veriloop.${variables}`),
        ...variable,
        a.shape("shape", shape),
      ];
      return { id: binding.executeOp("VarHandleOp", attrs, [], 1)[0]!.id, shape };
    };
    const [w, m, v] = [handle(), handle(), handle()];
    const assign = (to: Handle, from: Float32Array): void => {
      const x = upload(from, shape);
      effect("AssignVariableOp", variable, [to, x]);
      free(x);
    };
    const read = (from: Handle): Handle => op("ReadVariableOp", variable, [from]);
    const scalar = (value: number): Handle => upload(Float32Array.of(value), []);
    assign(w, values);
    assign(m, new Float32Array(size));
    assign(v, new Float32Array(size));
    return {
      value: () => read(w),
      moments: () => ({ m: read(m), v: read(v) }),
      set: (from) => assign(w, from),
      setMoments(first, second) {
        assign(m, first);
        assign(v, second);
      },
      adamw(gradient, factor, { lr, beta1, beta2, eps, decay, count }: AdamHyper) {
        scopes.scope(() => {
          const powers = [beta1 ** count, beta2 ** count] as const;
          // The operation adds epsilon to sqrt(v) before the correction of v's bias, so it is scaled to stand after.
          const corrected = eps * Math.sqrt(1 - powers[1]);
          // Uploaded before anything is queued, because an upload waits for that.
          const [scale, less, ...scalars] = [factor, decay, ...powers, lr, beta1, beta2, corrected].map(
            scalar,
          );
          const g = factor === 1 ? gradient : op("Mul", onlyT, [gradient, scale!]);
          if (decay !== 0) {
            const now = read(w);
            const decayed = op("Mul", onlyT, [now, less!]);
            free(now); // else the variable would be copied to be written
            effect("AssignSubVariableOp", variable, [w, decayed]);
          }
          effect("ResourceApplyAdam", adam, [w, m, v, ...scalars, g]);
        });
      },
      dispose() {
        for (const x of [w, m, v]) {
          effect("DestroyResourceOp", [a.bool("ignore_lookup_error", true)], [x]);
          binding.deleteTensor(x.id);
        }
      },
    };
  };
}
