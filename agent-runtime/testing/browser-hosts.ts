import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import type { BrowserFound } from '../../scripts/browser.mjs'
import {
  EVALUATE_TIMEOUT_MS,
  type Host,
  type HostFactory,
  OPEN_TIMEOUT_MS,
  type Reply,
  unwrapReply,
} from './host.ts'
import { callExpression, type HostPage, serveHostPage } from './host-page.ts'

/** Root may not use the sandbox; a fresh profile must not call home; a software driver counts as unsafe. */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
]
/** Tint to GLSL to ANGLE to Vulkan: the only way on which Chromium accepts Mesa 22's driver. */
const OVER_OPENGL_ES = ['--use-angle=vulkan', '--use-webgpu-adapter=opengles', '--force-webgpu-compat']

/** The environment of a process that must see this one Vulkan driver. */
export function withDriver(icd: string | undefined, extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const driver = icd === undefined ? {} : { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd }
  return { ...process.env, ...extra, ...driver }
}

interface BrowserPage {
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
}

/** A host around an opened page of any browser. */
function pageHost(identity: Omit<HostFactory, 'open'>, site: HostPage, page: BrowserPage): Host {
  return {
    ...identity,
    async evaluate(moduleSource, fnName, arg) {
      const answer = page.evaluate(callExpression(site.publish(moduleSource), fnName, arg))
      const reply = await withinTime(answer, EVALUATE_TIMEOUT_MS, `${identity.name}: ${fnName}`)
      return unwrapReply(identity.name, JSON.parse(String(reply)) as Reply)
    },
    async close() {
      await page.close()
      await site.close()
    },
  }
}

/** @throws when the promise takes longer; the work itself goes on until the host is closed. */
export async function withinTime<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Opens the page through `launch`, and leaves nothing behind when that fails. */
async function openPage(
  identity: Omit<HostFactory, 'open'>,
  launch: (url: string) => Promise<BrowserPage>,
): Promise<Host> {
  const site = await serveHostPage()
  try {
    return pageHost(identity, site, await launch(site.url))
  } catch (error) {
    await site.close()
    throw error
  }
}

/** @param icd without one, Chromium's own SwiftShader; with one, that driver through OpenGL ES */
export function chromiumHost(
  browser: BrowserFound,
  driver: 'swiftshader' | 'lavapipe',
  icd?: string,
): HostFactory {
  const identity = { name: `chromium-${driver}`, compiler: 'tint', driver } as const
  return {
    ...identity,
    open: () =>
      openPage(identity, async (url) => {
        const browserProcess = await chromium.launch({
          executablePath: browser.executablePath,
          headless: true,
          timeout: OPEN_TIMEOUT_MS,
          env: withDriver(icd, browser.env),
          args: icd === undefined ? CHROMIUM_FLAGS : [...CHROMIUM_FLAGS, ...OVER_OPENGL_ES],
        })
        try {
          const page = await browserProcess.newPage()
          await page.goto(url)
          await page.waitForFunction('window.forgeCall !== undefined')
          return { evaluate: (expression) => page.evaluate(expression), close: () => browserProcess.close() }
        } catch (error) {
          await browserProcess.close()
          throw error
        }
      }),
  }
}

/** Through WebDriver BiDi: Playwright drives only its own build of Firefox, Puppeteer also the stock one. */
export function firefoxHost(executablePath: string, driver: 'lavapipe', icd: string): HostFactory {
  const identity = { name: `firefox-${driver}`, compiler: 'naga', driver } as const
  return {
    ...identity,
    open: () =>
      openPage(identity, async (url) => {
        const browserProcess = await puppeteer.launch({
          browser: 'firefox',
          executablePath,
          headless: true,
          timeout: OPEN_TIMEOUT_MS,
          protocolTimeout: EVALUATE_TIMEOUT_MS,
          env: withDriver(icd),
          extraPrefsFirefox: {
            'dom.webgpu.enabled': true,
            'dom.webgpu.workers.enabled': true,
            'gfx.webgpu.ignore-blocklist': true,
          },
        })
        try {
          const page = await browserProcess.newPage()
          await page.goto(url)
          await page.waitForFunction('window.forgeCall !== undefined')
          return { evaluate: (expression) => page.evaluate(expression), close: () => browserProcess.close() }
        } catch (error) {
          await browserProcess.close()
          throw error
        }
      }),
  }
}
