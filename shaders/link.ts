/**
 * Joins a kernel and the parts of the prelude that it names into one WGSL text. A line `//!include wide` is replaced
 * by `prelude/wide.wgsl` the first time and removed after that, so parts may include each other's foundations. Nothing
 * else changes: the linked text is what its digest, and with it every replay key, stands for.
 */

const INCLUDE = /^\/\/!include (.*)$/

/** A linked text, and where each of its lines comes from. */
export interface LinkedSource {
  readonly text: string
  readonly origins: readonly { readonly file: string; readonly line: number }[]
}

/**
 * @param file the kernel's path under shaders/, for messages
 * @param source the kernel's WGSL
 * @param prelude gives the text of a part of the prelude by name, or undefined when there is none
 * @throws Error for an unknown part, a malformed name, and a part that includes itself
 */
export function link(
  file: string,
  source: string,
  prelude: (name: string) => string | undefined,
): LinkedSource {
  const included = new Set<string>()
  const lines: string[] = []
  const origins: { file: string; line: number }[] = []

  const expand = (from: string, text: string, open: readonly string[]): void => {
    for (const [index, line] of text.split('\n').entries()) {
      const name = INCLUDE.exec(line)?.[1]
      if (name === undefined) {
        lines.push(line)
        origins.push({ file: from, line: index + 1 })
        continue
      }
      if (!/^[a-z][a-z0-9-]*$/.test(name))
        throw new Error(`not the name of a prelude part: ${JSON.stringify(name)}`)
      if (open.includes(name)) throw new Error(`the prelude includes itself: ${[...open, name].join(' > ')}`)
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
