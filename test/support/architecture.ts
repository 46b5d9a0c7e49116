import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** Each source file by its path from the root of the repository: a checker that reads no disk can be shown to fail. */
export type Tree = ReadonlyMap<string, string>

interface Import {
  readonly from: string
  readonly target: string
  readonly isPackage: boolean
  readonly typeOnly: boolean
}

const MAIN = 'src/main.ts'
const CORE = 'src/core'
const OUTGOING = 'src/outgoing'
const DASHBOARD = 'src/dashboard'
const CONFIG = 'src/config.ts'
const LONGEST_FILE = 300

const TEST = /\.(test|contract)\.ts$/
const ENVIRONMENT = /\bprocess\??\.env\b|\bprocess\[|\benv\b[^{}]*\}\s*(= process\b|from 'node:process')/
const VAGUE = /(?<=[/.-])(utils?|helpers?|common|misc|managers?|providers?|adapters?|drivers?|gateways?)(?=[/.-])/

const STATEMENT =
  /^(?:import|export) (?<type>type )?(?:(?:[\w$]+, )?(?:[\w$]+|\*(?: as [\w$]+)?|\{[^}]*\}) from )?['"](?<target>[^'"]+)['"]/gm
const CALL = /\bimport\(\s*['"](?<target>[^'"]+)['"]/g
const WORKER = /\bnew Worker\(\s*new URL\(\s*['"](?<target>[^'"]+)['"]/g

export function readTree(root: string, folder: string): Tree {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => posix.join(folder, path.replaceAll('\\', '/')))
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

export function strayArrows(tree: Tree): string[] {
  return importsOf(tree)
    .filter((arrow) => !TEST.test(arrow.from) && !isAllowed(arrow))
    .map(({ from, target }) => `${from} imports ${target}`)
}

/** The files at the root of src put the rest together. A folder knows itself, core and the way out; core has only itself. */
function isAllowed({ from, target, isPackage }: Import): boolean {
  if (target === MAIN) return false
  const folder = folderOf(from)
  if (folder === 'src') return true
  if (isPackage) return folder !== CORE
  // A page knows the server by HTTP alone.
  if (folder === DASHBOARD) return folderOf(target) === DASHBOARD
  const known = folder === CORE ? [CORE] : [folder, CORE, OUTGOING]
  return known.includes(folderOf(target))
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, 2).join('/')
}

/** Each circle once, from the first of its files that was met. Types are gone when the program runs. */
export function cycles(tree: Tree): string[] {
  const targets = Map.groupBy(
    importsOf(tree).filter(({ typeOnly }) => !typeOnly),
    ({ from }) => from,
  )
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) found.push([...trail.slice(trail.indexOf(file)), file].join(' → '))
    if (trail.includes(file) || done.has(file)) return
    for (const { target } of targets.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of tree.keys()) visit(file, [])
  return found
}

export function environmentReaders(tree: Tree): string[] {
  return [...tree].filter(([path, source]) => path !== CONFIG && ENVIRONMENT.test(source)).map(([path]) => path)
}

export function longFiles(tree: Tree): string[] {
  return [...tree].filter(([, source]) => source.trimEnd().split('\n').length > LONGEST_FILE).map(([path]) => path)
}

export function vagueNames(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => VAGUE.test(path))
}

function importsOf(tree: Tree): Import[] {
  return [...tree].flatMap(([from, source]) =>
    [STATEMENT, CALL, WORKER]
      .flatMap((pattern) => [...source.matchAll(pattern)])
      .map(({ groups }) => {
        const target = groups?.target ?? ''
        const isPackage = !target.startsWith('.')
        return {
          from,
          target: isPackage ? target : posix.join(posix.dirname(from), target),
          isPackage,
          typeOnly: groups?.type !== undefined,
        }
      }),
  )
}
