import '@tensorflow/tfjs-backend-webgpu'
import { matMul, randomUniform, ready, setBackend, type Tensor2D } from '@tensorflow/tfjs-core'

/** Peer for matmul on WebGPU: tf.matMul of f32, its operands already on the device. Runs in a page. */
export class TfjsProduct {
  readonly #size: number
  readonly #a: Tensor2D
  readonly #b: Tensor2D

  private constructor(size: number) {
    this.#size = size
    this.#a = randomUniform([size, size])
    this.#b = randomUniform([size, size])
  }

  /** @throws Error where the backend finds no adapter */
  static async open(size: number): Promise<TfjsProduct> {
    if (!(await setBackend('webgpu'))) throw new Error('tfjs-backend-webgpu does not start')
    await ready()
    return new TfjsProduct(size)
  }

  /** One run, the product read back. @returns Gop/s */
  async rate(): Promise<number> {
    const startedAt = performance.now()
    const product = matMul(this.#a, this.#b)
    await product.data()
    const ms = performance.now() - startedAt
    product.dispose()
    return (2 * this.#size ** 3) / ms / 1e6
  }
}
