import t from 'tap'
import { type Document, downgraded, published, type Schema } from '../../src/http/document.ts'

/** A document of one operation, with these parameters and named schemas. */
const documentOf = (schemas: Record<string, Schema>, parameters: object[] = []): Document =>
  ({
    openapi: '3.1.0',
    tags: [],
    paths: { '/v1/things': { get: { operationId: 'listThings', parameters, responses: {} } } },
    components: { schemas }
  }) as unknown as Document

const inBoth = (schemas: Record<string, Schema>, parameters?: object[]) => {
  const v31 = published(documentOf(schemas, parameters))
  return { v31: v31.components.schemas, v30: downgraded(v31).components.schemas, document: v31 }
}
const closed = (properties: Record<string, Schema>, more: Schema = {}) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...more
})

t.test('a vocabulary with a title stands once', t => {
  const mode = { title: 'Mode', type: 'string', enum: ['online', 'in_person'] }
  const orNull = { ...mode, type: ['string', 'null'], enum: [...mode.enum, null] }
  const { v31, v30 } = inBoth({
    Thing: { type: 'object', properties: { mode: { ...mode, description: 'How.' }, own: orNull } },
    ThingCreate: closed({ mode: { ...mode, default: 'online' } })
  })
  t.same(v31.Mode, mode)
  t.same(v31.Thing!.properties, {
    mode: { $ref: '#/components/schemas/Mode', description: 'How.' },
    own: { type: ['string', 'null'], enum: ['online', 'in_person', null] }
  })
  t.same(v31.ThingCreate!.properties, {
    mode: { $ref: '#/components/schemas/Mode', description: 'Default: `"online"`.' }
  })
  t.same(v30.Thing!.properties, {
    mode: { allOf: [{ $ref: '#/components/schemas/Mode' }], description: 'How.' },
    own: { type: 'string', nullable: true, enum: ['online', 'in_person', null] }
  })
  t.end()
})

t.test('an object with a title stands once, and two cannot share one', t => {
  const place = { title: 'Place', type: ['object', 'null'], properties: { city: { type: 'string' } } }
  const { v31, v30 } = inBoth({ A: closed({ place }), B: closed({ place }) })
  t.same(v31.A!.properties, { place: { $ref: '#/components/schemas/Place' } })
  t.match(v30.Place, { type: 'object', nullable: true })
  t.throws(() => inBoth({ A: closed({ place }), B: closed({ place: { ...place, type: 'object' } }) }), {
    message: 'Two schemas are called Place'
  })
  t.end()
})

t.test('what generators stumble over is said otherwise', t => {
  const { v31, document } = inBoth(
    {
      Sent: closed(
        {
          name: { type: 'string', format: 'line' },
          notes: { type: 'array', items: { type: 'string', format: 'line' }, default: [] }
        },
        { anyOf: [{ required: ['name'] }, { required: ['notes'] }], description: 'A thing.' }
      ),
      Answered: { type: 'object', properties: { name: { type: 'string', format: 'line' } } }
    },
    [
      {
        in: 'query',
        name: 'from',
        schema: { type: 'string', anyOf: [{ format: 'date' }, { format: 'date-time' }] }
      }
    ]
  )
  const { name, notes } = v31.Sent!.properties as Record<string, Schema>
  const pattern = new RegExp(name!.pattern as string, 'u')
  t.ok(pattern.test('Ana'))
  for (const refused of ['', '  ', 'a\nb', '\u0007']) t.notOk(pattern.test(refused))
  t.same((notes!.items as Schema).pattern, name!.pattern)
  t.equal(notes!.default, undefined)
  t.equal(notes!.description, 'Default: `[]`.')
  t.equal(v31.Sent!.anyOf, undefined)
  t.equal(v31.Sent!.description, 'A thing. Give `name` or `notes`.')
  t.same(v31.Answered!.properties, { name: { type: 'string', format: 'line' } })

  const [from] = document.paths['/v1/things']!.get!.parameters as { schema: Schema }[]
  t.equal(from!.schema.anyOf, undefined)
  const instant = new RegExp(from!.schema.pattern as string, 'u')
  for (const given of ['2026-11-01', '2026-11-01T18:00:00Z', '2026-11-01T18:00:00.5+02:00']) t.ok(instant.test(given))
  for (const given of ['today', '2026-11-01T18:00']) t.notOk(instant.test(given))
  t.end()
})

t.test('3.0 says the same in its own words, or nothing', t => {
  const { v30 } = inBoth({
    Thing: {
      type: 'object',
      properties: {
        km: { type: 'number', exclusiveMinimum: 0, examples: [5, 6] },
        kind: { type: 'string', const: 'thing' },
        end: { type: 'null' }
      }
    }
  })
  t.same(v30.Thing!.properties, {
    km: { type: 'number', minimum: 0, exclusiveMinimum: true, example: 5 },
    kind: { type: 'string', enum: ['thing'] },
    end: { type: 'string', nullable: true }
  })
  t.throws(() => inBoth({ Thing: { type: 'object', patternProperties: {} } }), /patternProperties/)
  t.throws(() => inBoth({ Thing: { type: ['string', 'integer'] } }), /one type/)
  t.end()
})
