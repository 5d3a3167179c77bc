/**
 * Joins a kernel and the parts of the prelude that it names into one WGSL text. A line `//!include wide` is replaced
 * by `prelude/wide.wgsl` the first time and removed after that, so parts may include each other's foundations. Nothing
 * else changes: the linked text is what its digest, and with it every replay key, stands for.
 *
 * A variant of a kernel may be that kernel with other parts: a line `//!include philox-f32 for philox` is replaced by the
 * former, and removes what includes the latter; a line `//!kernel mc/gbm.v1` is replaced by that kernel.
 */

const DIRECTIVE = /^\/\/!(include|kernel) (.*)$/
const PART = /^([a-z][a-z0-9-]*)(?: for ([a-z][a-z0-9-]*))?$/

/** A linked text, and where each of its lines comes from. */
export interface LinkedSource {
  readonly text: string
  readonly origins: readonly { readonly file: string; readonly line: number }[]
}

/**
 * @param file the kernel's path under shaders/, for messages
 * @param source the kernel's WGSL
 * @param prelude gives the text of a part of the prelude by name, or undefined when there is none
 * @param kernel the same for the kernels that variants are made from
 * @throws Error for an unknown part or kernel, a malformed name, a part that includes itself, and one that stands for another
 * too late
 */
export function link(
  file: string,
  source: string,
  prelude: (name: string) => string | undefined,
  kernel: (name: string) => string | undefined = () => undefined,
): LinkedSource {
  const included = new Set<string>()
  const lines: string[] = []
  const origins: { file: string; line: number }[] = []

  const expand = (from: string, text: string, open: readonly string[]): void => {
    for (const [index, line] of text.split('\n').entries()) {
      const [, directive, operand = ''] = DIRECTIVE.exec(line) ?? []
      if (directive === undefined) {
        lines.push(line)
        origins.push({ file: from, line: index + 1 })
        continue
      }
      if (directive === 'kernel') {
        const whole = kernel(operand)
        if (whole === undefined) throw new Error(`there is no kernel ${JSON.stringify(operand)}`)
        expand(`${operand}.wgsl`, whole.replace(/\n$/, ''), open)
        continue
      }
      const [, name, replaced] = PART.exec(operand) ?? []
      if (name === undefined) throw new Error(`not the name of a prelude part: ${JSON.stringify(operand)}`)
      if (open.includes(name)) throw new Error(`the prelude includes itself: ${[...open, name].join(' > ')}`)
      if (replaced !== undefined) {
        if (included.has(replaced))
          throw new Error(`${name} stands for ${replaced}, which is included already`)
        included.add(replaced)
      }
      if (included.has(name)) continue
      included.add(name)
      const part = prelude(name)
      if (part === undefined) throw new Error(`there is no prelude part ${JSON.stringify(name)}`)
      expand(`prelude/${name}.wgsl`, part.replace(/\n$/, ''), [...open, name])
    }
  }

  expand(file, source, [])
  return { text: lines.join('\n'), origins }
}
