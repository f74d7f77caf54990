import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'

/** A schema that stands in `components/schemas` under its `$id` and is referred to here. */
export const named = <T extends TSchema>(schema: T) =>
  Type.Unsafe<Static<T>>({ $ref: `${(schema as unknown as { $id: string }).$id}#` })

/** A vocabulary as an enum that generators understand: `{ type: 'string', enum: [...] }`. */
export const OneOf = <const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options })

/** The same, or null. */
export const Nullable = <T extends TSchema>(schema: T) => {
  const { type, enum: values, ...rest } = schema as unknown as { type: string; enum?: unknown[] }
  return Type.Unsafe<Static<T> | null>({ ...rest, type: [type, 'null'], ...(values && { enum: [...values, null] }) })
}

/** Optional in the document, always there for the handler. */
export const Defaulted = <T extends TSchema>(schema: T, value: Static<T>) =>
  Type.Unsafe<Static<T>>(Type.Optional(Type.Unsafe({ ...schema, default: value })) as unknown as TSchema)

/** A body: unknown fields are refused. */
export const Body = <T extends TProperties>($id: string, properties: T, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { $id, title: $id, additionalProperties: false, ...options })

/** What PATCH takes. Absent: leave as it is. Null, where allowed: clear. */
export const Changes = <T extends TProperties>($id: string, properties: T, options: Record<string, unknown> = {}) =>
  Type.Partial(Type.Object(properties), { $id, title: $id, additionalProperties: false, minProperties: 1, ...options })

/** What is answered: fields may be added later. */
export const Answer = <T extends TProperties>($id: string, properties: T, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { $id, title: $id, ...options })

/** Path or query parameters: unknown ones are refused. */
export const Parameters = <T extends TProperties>(properties: T): TObject<T> =>
  Type.Object(properties, { additionalProperties: false })

export const Id = Type.String({ format: 'uuid', examples: ['0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'] })
export const Instant = Type.String({
  format: 'date-time',
  description: 'An instant: RFC 3339, in answers always in UTC (`Z`).',
  examples: ['2026-11-24T03:00:00Z']
})
export const LocalDate = Type.String({
  format: 'date',
  description: 'A calendar day where the group meets.',
  examples: ['2026-11-23']
})
export const Version = Type.Integer({
  minimum: 0,
  description: 'Rises with every change; the ETag is the same number in quotes.',
  examples: [1]
})
export const TimeZone = Type.String({
  format: 'time-zone',
  maxLength: 64,
  description: 'An IANA time zone name.',
  examples: ['America/New_York']
})
export const Language = Type.String({
  pattern: '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$',
  maxLength: 12,
  description: 'A language as BCP 47 writes it.',
  examples: ['en']
})
/** Text on one line: no control characters, no bidirectional controls, something to see. */
export const Line = (maxLength: number, options: Record<string, unknown> = {}) =>
  Type.String({ format: 'line', minLength: 1, maxLength, ...options })
/** Text on several lines. */
export const Text = (maxLength: number, options: Record<string, unknown> = {}) =>
  Type.String({ format: 'text', minLength: 1, maxLength, ...options })
/** A short lower-case word that people agree on: `grief`, `wheelchair`, `step-study`. */
export const Word = Type.String({
  pattern: '^[a-z0-9]+(?:[-_][a-z0-9]+)*$',
  minLength: 1,
  maxLength: 60,
  examples: ['grief']
})
export const Slug = Type.String({
  pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$',
  minLength: 1,
  maxLength: 80,
  examples: ['tuesday-night-grief']
})

export const pageQuery = {
  limit: Defaulted(Type.Integer({ minimum: 1, maximum: 100, description: 'How many at most.' }), 25),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      // The position may hold a name of 200 letters, folded: a Hangul syllable becomes up to three.
      maxLength: 4000,
      description: '`page.next_cursor` of the page before, with the same filters.'
    })
  )
}

/** A schema with a title is published once, under that title (`http/document.ts`). */
export const PageInfo = Type.Object(
  {
    next_cursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Null on the last page.' }),
    has_more: Type.Boolean()
  },
  { title: 'PageInfo', description: 'Where the list goes on.' }
)

/** A page of a list: `{ data, page: { next_cursor, has_more } }`. */
export const Page = <T extends TSchema>($id: string, item: T) =>
  Answer($id, { data: Type.Array(named(item)), page: PageInfo }, { description: 'A page of the list.' })

// What they mean, and where If-Match is required (428, never 400), is said in `http/document.ts`.
const IfMatch = Type.String({ maxLength: 100 })
const IdempotencyKey = Type.String({ minLength: 1, maxLength: 255, pattern: '^[!-~]+$' })
/** Headers of a change to what somebody may have changed in between. */
export const ifMatch = Type.Object({ 'if-match': Type.Optional(IfMatch) })
/** Headers of a request that may be sent again. */
export const idempotent = Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKey) })
export const idempotentIfMatch = Type.Object({
  'idempotency-key': Type.Optional(IdempotencyKey),
  'if-match': Type.Optional(IfMatch)
})

export const Problem = Answer(
  'Problem',
  {
    type: Type.String({ format: 'uri-reference', description: 'A page about this kind of problem.' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.Optional(Type.String({ description: 'What is wrong, for people. Never repeats what was sent.' })),
    code: Type.String({ description: 'What is wrong, for programs. More values may be added.' }),
    request_id: Type.String({ description: 'The same as in the X-Request-Id header and in the log.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.Optional(Type.String({ description: 'Where in the body: a JSON pointer as a URI fragment.' })),
          in: Type.Optional(OneOf(['body', 'query', 'header', 'path'])),
          parameter: Type.Optional(Type.String({ description: 'Which parameter or header.' })),
          code: Type.String(),
          detail: Type.String()
        })
      )
    )
  },
  {
    description: 'Why a request was refused (RFC 9457).',
    examples: [
      {
        type: '/problems/validation_failed',
        title: 'Cannot be done as asked',
        status: 422,
        code: 'validation_failed',
        request_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60',
        errors: [{ pointer: '#/records/3/status', code: 'enum', detail: 'must be one of "present", "absent"' }]
      }
    ]
  }
)
