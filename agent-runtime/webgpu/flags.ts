/**
 * Flag values of the WebGPU specification. The global objects that carry them (GPUBufferUsage and its like) exist in
 * browsers and Deno but not in Dawn for Node, so the agent brings its own. https://www.w3.org/TR/webgpu/
 */
export const BUFFER_USAGE = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
} as const
export const MAP_MODE_READ = 0x1
export const STAGE_COMPUTE = 0x4
