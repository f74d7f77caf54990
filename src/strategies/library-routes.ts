import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { idempotent, named } from '../http/schemas.ts'
import { addStarterSet } from './add-starter-set.ts'
import { allCategories } from './categories.ts'
import { changeCategory } from './change-category.ts'
import { listCategories } from './queries.ts'
import {
  CategoryPath,
  StarterSetResult,
  StrategyCategory,
  StrategyCategoryList,
  StrategyCategoryPut
} from './schemas.ts'

/** What the library of an organization is made of: categories, and the cards to begin with. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/strategy-categories',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'listStrategyCategories',
        tags: ['strategies'],
        summary: 'List the categories of strategies',
        response: { 200: named(StrategyCategoryList) }
      }
    },
    async request => ({ data: allCategories(await app.db.read(request.caller, listCategories, {})) })
  )

  app.put(
    '/strategy-categories/:key',
    {
      config: { scope: 'strategies:moderate', idempotent: true },
      schema: {
        operationId: 'putStrategyCategory',
        tags: ['strategies'],
        summary: 'Add, rename or retire a category',
        description: 'The key in the path is what cards have; it never changes.',
        params: CategoryPath,
        headers: idempotent,
        body: named(StrategyCategoryPut),
        response: { 200: named(StrategyCategory) }
      }
    },
    async (request, reply) => await change(request, reply, tx => changeCategory(tx, request.params.key, request.body))
  )

  app.post(
    '/strategies/starter_set',
    {
      config: { scope: 'strategies:moderate', idempotent: true },
      schema: {
        operationId: 'addStrategyStarterSet',
        tags: ['strategies'],
        summary: 'Switch on the starter set',
        description:
          'Forty well-known techniques, in our own words and with their sources named, as cards of the organization. A card that was switched on before is left as it is, whatever became of it.',
        headers: idempotent,
        response: { 200: named(StarterSetResult) }
      }
    },
    async (request, reply) => await change(request, reply, tx => addStarterSet(tx))
  )
}

export default routes
