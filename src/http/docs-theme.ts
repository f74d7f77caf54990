/** How the page at `/docs` looks: a style sheet and an icon of our own, served beside it (its CSP knows no other source). */

const css = `
:root { --ink: #1f2a30; --quiet: #55666e; --accent: #0b6670; --line: #d8e2e4; --paper: #ffffff; --soft: #f4f8f8 }
html, body { margin: 0; background: var(--paper) }
.swagger-ui { color: var(--ink); font-family: system-ui, -apple-system, 'Segoe UI', sans-serif }
.swagger-ui .wrapper { max-width: 72rem; padding: 0 1.25rem }
.swagger-ui .info { margin: 2.5rem 0 1.5rem }
.swagger-ui .info .title { color: var(--ink); font-family: inherit; font-size: 2.1rem }
.swagger-ui .info .title small { background: var(--accent); border-radius: 999px; top: -0.5rem }
.swagger-ui .info .title small.version-stamp { background: #5f7f2a }
.swagger-ui .info .title small pre { font-family: inherit }
.swagger-ui .info p, .swagger-ui .info li { font-family: inherit; font-size: 0.97rem; line-height: 1.6; max-width: 62rem; margin: 0.9em 0; color: var(--ink) }
.swagger-ui .info .link, .swagger-ui .info .info__license { display: none }
.swagger-ui .info a, .swagger-ui .markdown a { color: var(--accent) }
.swagger-ui .markdown code, .swagger-ui .renderedMarkdown code { color: var(--ink); background: #e9f1f1; font-weight: 500 }
.swagger-ui .scheme-container { box-shadow: none; border: 1px solid var(--line); border-width: 1px 0; background: var(--soft); padding: 0.8rem 0; margin: 0 0 1.5rem }
.swagger-ui .servers-title, .swagger-ui .servers { display: none }
.swagger-ui .btn.authorize { border-color: var(--accent); color: var(--accent) }
.swagger-ui .btn.authorize svg { fill: var(--accent) }
.swagger-ui .btn.execute { background: var(--accent); border-color: var(--accent) }
.swagger-ui .opblock-tag { font-family: inherit; color: var(--ink); border-bottom-color: var(--line); font-size: 1.3rem }
.swagger-ui .opblock-tag small { color: var(--quiet); font-family: inherit }
.swagger-ui .opblock { box-shadow: none; border-radius: 6px; margin: 0 0 0.5rem }
.swagger-ui .opblock .opblock-summary-method { border-radius: 4px; font-family: inherit; text-shadow: none }
.swagger-ui .opblock .opblock-summary-description { font-family: inherit; color: var(--quiet) }
.swagger-ui .opblock.opblock-get { border-color: #2f6f9f; background: #f3f8fc }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #2f6f9f }
.swagger-ui .opblock.opblock-post { border-color: #2e7d4f; background: #f2f9f5 }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #2e7d4f }
.swagger-ui .opblock.opblock-put { border-color: #8a5a00; background: #fdf8ef }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #8a5a00 }
.swagger-ui .opblock.opblock-patch { border-color: #0b6670; background: #f0f8f9 }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #0b6670 }
.swagger-ui .response-col_links { display: none }
.swagger-ui section.models { border-color: var(--line) }
.swagger-ui section.models h4 { font-family: inherit; color: var(--ink) }
`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="11" fill="none" stroke="#0b6670" stroke-width="3"/><g fill="#0b6670"><circle cx="16" cy="5" r="4"/><circle cx="25.5" cy="21.5" r="4"/><circle cx="6.5" cy="21.5" r="4"/></g></svg>`

/** Else a telephone shows the page as wide as a desk, and tiny. */
const viewport = `document.head.append(Object.assign(document.createElement('meta'), { name: 'viewport', content: 'width=device-width, initial-scale=1' }))`

export const docsTheme = {
  title: 'Circlekeeper API',
  js: [{ filename: 'viewport.js', content: viewport }],
  css: [{ filename: 'circlekeeper.css', content: css }],
  favicon: [{ filename: 'icon.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: icon }]
}
