import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { problemCodes } from '../../src/http/problem-pages.ts'
import { startApp } from '../support/app.ts'
import { root } from '../support/root.ts'

t.test('what people read', async t => {
  const { app } = await startApp(t)

  await t.test('the documentation page needs nothing from elsewhere', async t => {
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'"
    ]
    const html = await app.inject('/docs')
    t.equal(html.statusCode, 200)
    t.same(String(html.headers['content-security-policy']).split('; ').sort(), policy.sort())
    t.match(html.body, '<title>Circlekeeper API</title>')
    t.notMatch(
      html.body,
      /<style|<script(?![^>]* src=)|\son\w+=|\sstyle=/,
      'nothing inline, which the policy would block'
    )

    const assets = [...html.body.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, url]) => url!)
    t.ok(assets.length >= 6)
    t.match((await app.inject(assets.find(url => url.endsWith('viewport.js')) ?? '')).body, 'width=device-width')
    for (const url of [...assets, '/docs/json', '/docs/']) {
      t.match(url, /^\/docs\//, 'same origin')
      const asset = await app.inject(url)
      t.equal(asset.statusCode, 200, url)
      t.ok(asset.headers['content-security-policy'], url)
      t.equal(asset.headers['x-content-type-options'], 'nosniff')
    }
    const initializer = (await app.inject('/docs/static/swagger-initializer.js')).body
    t.match(initializer, 'validatorUrl: null')
    t.match(initializer, '"BaseLayout"', 'no bar to load other documents with')
  })

  await t.test('each code of a problem has a page', async t => {
    const known = new Map<string, string[]>()
    for (const [status, codes] of Object.entries(problemCodes)) {
      for (const code of Object.keys(codes)) known.set(code, [...(known.get(code) ?? []), status])
    }
    const used = await codesInSource()
    t.ok(used.size > 50)
    t.same(
      [...used].filter(code => !known.has(code)),
      [],
      'src/http/problem-pages.ts explains all that the source uses'
    )
    t.same(
      [...known.keys()].filter(code => !used.has(code)),
      [],
      'and nothing that it does not'
    )
    for (const [code, statuses] of known) {
      const page = await app.inject(`/problems/${code}`)
      t.equal(page.statusCode, 200)
      for (const status of statuses) t.match(page.body, `<h2>${status} `)
    }
    const { headers, body } = await app.inject('/problems/precondition_failed')
    t.equal(headers['content-type'], 'text/html; charset=utf-8')
    t.match(headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-[^']+'; /)
    t.match(body, /Somebody changed it since you read it/)
    t.match((await app.inject('/problems')).body, /too_many_requests/)
  })

  await t.test('a problem leads to its page, and nothing else has one', async t => {
    const { type } = (await app.inject('/v1/me')).json()
    t.equal((await app.inject(type)).statusCode, 200, type)
    for (const code of ['nonsense', '__proto__', 'constructor', '<b>']) {
      const page = await app.inject(`/problems/${encodeURIComponent(code)}`)
      t.equal(page.statusCode, 404)
      t.match(page.json(), { code: 'not_found' })
    }
  })
})

/** Every code that a problem is made with, wherever that is. */
async function codesInSource(): Promise<Set<string>> {
  const src = join(root, 'src')
  const codes = new Set<string>()
  for (const name of await readdir(src, { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const text = await readFile(join(src, name), 'utf8')
    const made = /(?:new Problem\(\s*\d+,|\b(?:badRequest|conflict|forbidden|unprocessable|unavailable)\()\s*'(\w+)'/g
    for (const [, code] of text.matchAll(made)) codes.add(code!)
  }
  return codes
}
