/** onnxruntime's execution providers: where a graph's kernels run. */
export const PROVIDERS = ["cpu", "cuda", "webgpu"] as const;
export type Provider = (typeof PROVIDERS)[number];
