// The routes that the connector reads, on FeathersJS itself: node server.js '{"max": 50}'; prints its port.
//
// max        the most items of a page (default 100); 0: no paging, lists come as bare arrays
// times      whether logs have created_at and updated_at (default true)
// database   a PostgreSQL connection; without one everything is in memory
// life       seconds until a token expires (default 3600)
// rate       [requests, seconds] of the rate limit
// moves      whether, before each page of logs, one is added on top, the oldest is purged and one is changed
//
// GET /truth?since=0 answers the ids of all logs that have existed ever since that page of logs, and the newest page's number.

const { BadRequest, NotAuthenticated } = require('@feathersjs/errors')
const express = require('@feathersjs/express')
const { feathers } = require('@feathersjs/feathers')
const { KnexService } = require('@feathersjs/knex')
const { MemoryService } = require('@feathersjs/memory')
const compression = require('compression')
const { randomBytes, randomUUID } = require('node:crypto')
const { once } = require('node:events')
const { rateLimit } = require('express-rate-limit')

const { max = 100, times = true, database, life = 3600, rate, moves = false } = JSON.parse(process.argv[2])
const EXPORTS = ['export-1', 'export-2']
const LOGS = 370
const DAY = 86_400_000
const paginate = max ? { default: 10, max } : false
const tokens = new Map()
const born = new Map() // id of a log → the page before which it came
const gone = new Map()
let pages = 0

function made(exportId, number) {
  const at = new Date(Date.now() - (LOGS - number) * DAY).toISOString()
  const failed = number % 17 === 0
  return {
    id: randomBytes(6).toString('hex'),
    export_id: exportId,
    organization_id: 'acme',
    status: failed ? 'failed' : 'completed',
    config: { frequency: '1 day' },
    metrics: failed ? {} : { users: 1000 + number },
    result: failed ? 'No access to the bucket' : null,
    ...(times ? { created_at: at, updated_at: at } : {}),
  }
}

async function logService() {
  if (!database) return new MemoryService({ paginate })
  const knex = require('knex')({ client: 'pg', connection: database })
  await knex.schema.dropTableIfExists('logs')
  await knex.schema.createTable('logs', (table) => {
    table.string('id').primary()
    for (const name of ['export_id', 'organization_id', 'status']) table.string(name)
    for (const name of ['config', 'metrics']) table.jsonb(name)
    table.text('result')
    if (times) for (const name of ['created_at', 'updated_at']) table.timestamp(name)
  })
  return new KnexService({ Model: knex, name: 'logs', paginate })
}

function authenticated(context) {
  if (!context.params.provider) return
  const token = (context.params.headers.authorization || '').replace('Bearer ', '')
  if (!(tokens.get(token) > Date.now())) throw new NotAuthenticated('Not authenticated')
}

const sessions = {
  async create({ key, secret }) {
    if (key !== 'the-key' || secret !== 'the-secret') throw new BadRequest('Invalid authentication information')
    const now = Math.floor(Date.now() / 1000)
    const parts = [{ alg: 'HS256' }, { iat: now, exp: now + life, jti: randomUUID() }]
    const token = [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), 'signature'].join('.')
    tokens.set(token, Date.now() + life * 1000)
    return { type: 'api-key', key, access_token: token }
  },
}

async function main() {
  const logs = await logService()
  const add = async (log) => {
    born.set(log.id, pages)
    await logs._create(log)
  }
  const living = () => [...born.keys()].filter((id) => !gone.has(id))

  async function move() {
    pages += 1
    if (!moves) return
    await add(made(EXPORTS[0], LOGS + pages))
    const [oldest, ...others] = living()
    gone.set(oldest, pages)
    await logs._remove(oldest)
    await logs._patch(others[Math.floor(Math.random() * others.length)], { metrics: { users: pages } })
  }

  const app = express.default(feathers())
  app.set('query parser', 'extended')
  app.use(compression())
  app.use(express.json())
  app.get('/truth', (request, response) => {
    const since = Number(request.query.since)
    response.json({ pages, ids: living().filter((id) => born.get(id) <= since) })
  })
  if (rate) app.use(rateLimit({ limit: rate[0], windowMs: rate[1] * 1000, standardHeaders: 'draft-7', legacyHeaders: false }))
  app.configure(express.rest())
  app.use('v1/sessions', sessions, { methods: ['create'] })
  app.use('v1/marketplace/exports/logs', logs, { methods: ['find', 'get'] })
  app.use('v1/marketplace/integrations', new MemoryService({ paginate }), { methods: ['find'] })
  const integrations = app.service('v1/marketplace/integrations')
  integrations.hooks({ before: { all: [authenticated] } })
  app.service('v1/marketplace/exports/logs').hooks({ before: { all: [authenticated], find: [move] } })
  app.use(express.notFound())
  app.use(express.errorHandler({ html: false, logger: false }))

  for (const id of EXPORTS) {
    await integrations._create({ id, organization_id: 'acme', name: id, type_id: 'batch-exports-s3', properties: { frequency: 1 } })
    for (let number = 0; number < LOGS; number++) await add(made(id, number))
  }
  const server = await app.listen(0, '127.0.0.1')
  if (!server.listening) await once(server, 'listening')
  console.log(server.address().port)
}

main()
