// The kernel gives the same bytes in every engine, so it may use only what ECMAScript defines exactly. Biome bans the
// impure globals (biome.json); this check bans the members that differ between engines: Math functions without an
// exact definition, locale-dependent methods, powers beyond exact integers, and Node's modules.
//
//   node scripts/check-kernel-purity.mjs [folder]
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** IEEE 754 or integer operations with one right answer (ECMAScript 2023, 21.3.2). */
const EXACT_MATH = new Set('abs ceil clz32 floor fround imul max min round sign sqrt trunc'.split(' '))
/** Decimal expansions and orderings that depend on the engine's library or on the locale. */
const INEXACT_METHODS = new Set(
  'toFixed toPrecision toExponential toLocaleString toLocaleDateString toLocaleLowerCase toLocaleUpperCase localeCompare'.split(
    ' ',
  ),
)

/**
 * A power is exact when its base is the literal 2 (a scaled power of two) or when it is computed over BigInt.
 * @param {ts.Expression} base
 */
function isExactBase(base) {
  return ts.isBigIntLiteral(base) || (ts.isNumericLiteral(base) && base.text === '2')
}

/**
 * What is wrong with one node, or undefined.
 * @param {ts.Node} node
 * @returns {string | undefined}
 */
function complaint(node) {
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.name.text
    if (ts.isIdentifier(node.expression) && node.expression.text === 'Math' && !EXACT_MATH.has(member)) {
      return `Math.${member} has no exact definition: use BigInt or the tables`
    }
    if (INEXACT_METHODS.has(member)) return `${member}() depends on the engine or the locale`
  }
  if (
    ts.isElementAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === 'Math'
  ) {
    return 'Math[…] hides which function is used'
  }
  if (
    ts.isVariableDeclaration(node) &&
    ts.isObjectBindingPattern(node.name) &&
    node.initializer?.getText() === 'Math'
  ) {
    return 'destructuring Math hides which function is used'
  }
  if (ts.isBinaryExpression(node)) {
    const operator = node.operatorToken.kind
    const isPower =
      operator === ts.SyntaxKind.AsteriskAsteriskToken ||
      operator === ts.SyntaxKind.AsteriskAsteriskEqualsToken
    if (isPower && !isExactBase(node.left)) return '** is exact only for base 2 and for BigInt literals'
  }
  if (
    (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
    node.moduleSpecifier?.getText().slice(1).startsWith('node:')
  ) {
    return 'the kernel imports no module of Node'
  }
  return undefined
}

/**
 * @param {string} file absolute path
 * @returns {string[]} one line per violation
 */
function violations(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  /** @type {string[]} */
  const found = []
  /** @param {ts.Node} node */
  const visit = (node) => {
    const message = complaint(node)
    if (message !== undefined) {
      const { line, character } = source.getLineAndCharacterOfPosition(node.getStart())
      found.push(`${path.relative(ROOT, file)}:${line + 1}:${character + 1} ${message}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const folder = path.resolve(ROOT, process.argv[2] ?? 'kernel')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !/\.(test|test-support)\.tsx?$/.test(name))
  .map((name) => path.join(folder, name))
const found = files.flatMap(violations)
for (const line of found) console.error(line)
console.log(`kernel purity: ${files.length} files, ${found.length} violations`)
process.exitCode = found.length > 0 ? 1 : 0
