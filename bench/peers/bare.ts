// The least an HTTP server in Node can do: read the JSON, answer a constant.
import { createServer } from 'node:http'

const { PORT } = process.env
const ANSWER = JSON.stringify({ status: 'OK', message: 'Mark read request sent', number: '+14155551234' })
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(ANSWER) }

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    if (request.method === 'POST') JSON.parse(Buffer.concat(pieces).toString())
    response.writeHead(200, HEADERS).end(ANSWER)
  })
})

server.listen(Number(PORT), '127.0.0.1')
