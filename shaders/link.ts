/**
 * Joins a kernel and the parts of the prelude that it names into one WGSL text. A line `//!include wide` is replaced
 * by `prelude/wide.wgsl` the first time and removed after that, so parts may include each other's foundations. Nothing
 * else changes: the linked text is what its digest, and with it every replay key, stands for.
 */

const INCLUDE = /^\/\/!include (.*)$/

/**
 * @param source the kernel's WGSL
 * @param prelude gives the text of a part of the prelude by name, or undefined when there is none
 * @throws Error for an unknown part, a malformed name, and a part that includes itself
 */
export function link(source: string, prelude: (name: string) => string | undefined): string {
  const included = new Set<string>()

  const expand = (text: string, open: readonly string[]): string[] =>
    text.split('\n').flatMap((line) => {
      const name = INCLUDE.exec(line)?.[1]
      if (name === undefined) return [line]
      if (!/^[a-z][a-z0-9-]*$/.test(name))
        throw new Error(`not the name of a prelude part: ${JSON.stringify(name)}`)
      if (open.includes(name)) throw new Error(`the prelude includes itself: ${[...open, name].join(' > ')}`)
      if (included.has(name)) return []
      included.add(name)
      const part = prelude(name)
      if (part === undefined) throw new Error(`there is no prelude part ${JSON.stringify(name)}`)
      return expand(part.replace(/\n$/, ''), [...open, name])
    })

  return expand(source, []).join('\n')
}
