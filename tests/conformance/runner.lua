-- Play conformance cases through the public Lua API.
--
--     lua5.4 runner.lua SKIP CASE...
--
-- case.lua reads cases and compares transcripts.
package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path
local case = require "case"
local lares = require "lares"
local new_handlers = require "handlers"
local new_kind = require "kinds"

-- What one case has made: world, nodes, and by their names all things, images
-- and registries; names of daemons by origin; events seen by name and sequence.
local play

local function add(...)
    play.results[#play.results + 1] = table.concat({ "=", ... }, " ")
end

-- Return the results of a call, or raise the code of its failure.
local function must(result, text, code)
    if result == nil and code then error { code = code, text = text } end
    return result
end

local function show(events)
    for _, event in ipairs(events) do
        local name = play.names[event.origin] or "node"
        local seen = play.seen[name] or {}
        seen[event.sequence] = seen[event.sequence] or event
        play.seen[name] = seen
        add(name, event.sequence, case.payload(event.data))
    end
end

local verbs = {}

function verbs.world(_, seed) play.world = lares.world(tonumber(seed)) end

function verbs.node(options, name)
    local node = play.world and must(play.world:node(name, options)) or
        must(lares.node(name, options))
    play.node, play.things[name] = node, node
    play.nodes[#play.nodes + 1] = node
end

function verbs.kind(options, name)
    must(play.node:register(new_kind(name, options)))
end

-- A daemon's key: its seed is the name, padded with zeros.
local function new_key(name)
    local key = lares.key(name .. ("\0"):rep(32 - #name))
    play.names[key.origin] = name
    return key
end

function verbs.spawn(options, name, kind)
    options.name, options.identity = name, new_key(name)
    options.subscribe = case.split(options.subscribe or "")
    play.things[name] = must(play.node:spawn(kind, options))
end

function verbs.deliver(_, name, data)
    show(must(play.things[name]:deliver(data)))
end

function verbs.send(_, name, data) must(play.things[name]:send(data, 0)) end

function verbs.publish(_, channel, data)
    must(play.node:publish(channel, data, 0))
end

function verbs.subscribe(_, name, pattern, group)
    must(play.things[name]:subscribe(pattern, group))
end

function verbs.unsubscribe(_, name, pattern, group)
    must(play.things[name]:unsubscribe(pattern, group))
end

function verbs.inbox(options, name, pattern)
    play.things[name] = must(play.node:subscribe(pattern, options))
end

function verbs.run(_, time)
    local number, unit = (time or "0s"):match("^(%d+)(m?s)$")
    local seconds = number / (unit == "ms" and 1000 or 1)
    local done, text, code = (play.world or play.node):run(seconds)
    if code ~= "ETIMEDOUT" then must(done, text, code) end
end

function verbs.next(_, name)
    local events, text, code
    repeat
        events, text, code = play.things[name]:next(0)
        show(events or {})
    until not events
    if code ~= "ETIMEDOUT" then must(events, text, code) end
end

for _, verb in ipairs {"snapshot", "retire"} do
    verbs[verb] = function(_, name, image)
        play.images[image] = must(play.things[name][verb](play.things[name]))
    end
end

-- Return an image; what names none is one itself.
local function find_image(name) return play.images[name] or name end

function verbs.restore(options, name, image)
    options.identity = new_key(name)
    play.things[name] = must(play.node:restore(find_image(image), options))
end

function verbs.facts(_, image, what, ...)
    for _, row in ipairs(must(lares.image_report(find_image(image), what))) do
        add(case.row(row, { ... }))
    end
end

function verbs.restart(_, name) must(play.things[name]:restart()) end
function verbs.stop(_, name) must(play.things[name]:stop()) end

-- Find a dead letter by its place; the oldest is 1.
local function find_letter(place)
    local letter = must(play.node:letters())[tonumber(place)]
    return letter and letter.id or error { code = "ENOTFOUND" }
end

function verbs.replay(_, place) must(play.node:replay(find_letter(place))) end
function verbs.drop(_, place) must(play.node:drop(find_letter(place))) end

-- A node's registry, or a lone one; made when it is named first.
local function find_handlers(name)
    local found = play.registries[name] or new_handlers(play.things[name])
    play.registries[name] = found
    return found
end

function verbs.handler(_, name, handler, ...)
    add(must(find_handlers(name):add(handler, ...)))
end

function verbs.remove(_, name, handler)
    add(find_handlers(name):remove(handler) or "ENOTFOUND")
end

function verbs.pass(_, name)
    add(table.unpack(find_handlers(name):run()))
end

function verbs.free(_, name)
    local thing = play.things[name]
    if thing.close then thing:close() end -- a daemon's ticket goes by itself
    play.things[name] = nil
    collectgarbage()
end

function verbs.check(_, name)
    local chain, sequences = lares.chain(play.things[name].origin), {}
    for sequence in pairs(play.seen[name] or {}) do
        sequences[#sequences + 1] = sequence
    end
    table.sort(sequences)
    for _, sequence in ipairs(sequences) do
        must(chain:check(play.seen[name][sequence]))
    end
    add(#sequences, "OK")
end

function verbs.report(_, what, name, ...)
    local source = play.registries[what] or play.node
    for _, row in ipairs(must(source:report(what))) do
        if row.name == name then add(case.row(row, { ... })) end
    end
    if #play.results == 0 then add("ENOTFOUND") end
end

local function add_failure(verb, failure)
    if type(failure) == "string" then -- a wrong argument raises "ENAME: why"
        local code = failure:match("%f[%w](E%u+): ")
        failure = code and { code = code } or error(failure, 0)
    end
    add(failure.code)
    if verb == "deliver" and failure.code == "ECALLBACK" then
        local text = case.quoted(case.failure(failure.text))
        play.results[1] = play.results[1] .. " " .. text
    end
end

-- Do one command, and return its result lines.
local function play_command(words)
    local options, args = case.arguments(words)
    play.results = {}
    local ok, failure = pcall(verbs[words[1]], options, table.unpack(args))
    if not ok then add_failure(words[1], failure) end
    return play.results
end

local function begin()
    play = { nodes = {}, things = {}, images = {}, registries = {} }
    play.names, play.seen = {}, {}
end

local function finish()
    for _, node in ipairs(play.nodes) do node:close() end
end

os.exit(case.main(begin, play_command, finish), true)
