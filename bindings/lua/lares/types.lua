---@meta lares
--- Annotations for editors; never loaded.
---
--- A wrong argument raises. What can happen is answered nil, a text, and a code
--- such as "ETIMEDOUT". Times are seconds; math.huge waits for ever.

---@class lares.Event
---@field origin integer
---@field sequence integer
---@field parent integer
---@field horizon integer
---@field hash integer
---@field arrival integer position in the receiver's mailbox, 0 elsewhere
---@field received_at integer unix time in ns: the only clock for state
---@field channel string? nil: sent or delivered directly
---@field data string

--- A kind of daemon: define `process`, and what else you need.
---@class lares.Class
---@field kind string
---@field options table?
---@field argument string of an instance; there before `init`
---@field origin integer of an instance; there before `init`
---@field init fun(self: lares.Class)?
---@field close fun(self: lares.Class)? the instance goes
local Class = {}

--- Take an input. The event is over when this returns.
---@param event lares.Event
---@return nil|string|string[] outputs
function Class:process(event) end

--- Emit an output of the input in hand; inside process only.
---@param data string
---@param channel? string the daemon's own without one
---@return true? done, string? text, string? code
function Class:emit(data, channel) end

---@class lares.Key
---@field origin integer
local Key = {}

--- Hand out the seed: 32 bytes. Who has them has the identity.
---@return string? seed, string? text, string? code
function Key:seed() end

---@class lares.Chain
local Chain = {}

--- Check that an event follows the head, and move the head to it.
---@param event lares.Event
---@return true? done, string? text, string? code
function Chain:check(event) end

--- A ticket: a daemon lives on without it.
---@class lares.Daemon
---@field origin integer
---@field identity lares.Key
local Daemon = {}

--- Take one turn now, and answer its outputs.
---@param data string
---@param seconds? number 30
---@return lares.Event[]? events, string? text, string? code
function Daemon:deliver(data, seconds) end

--- Send an event to this daemon alone.
---@param data string
---@param seconds? number 5
---@return true? done, string? text, string? code
function Daemon:send(data, seconds) end

---@param pattern string
---@param group? string a queue group
---@return true? done, string? text, string? code
function Daemon:subscribe(pattern, group) end

---@param pattern string
---@param group? string
---@return true? done, string? text, string? code
function Daemon:unsubscribe(pattern, group) end

--- Stop it; inside a callback this only asks.
---@param grace? number 30
---@return true? done, string? text, string? code
function Daemon:stop(grace) end

---@class lares.Inbox
local Inbox = {}

--- Answer what has come, waiting for it if need be.
---@param seconds? number for ever
---@return lares.Event[]? events, string? text, string? code
function Inbox:next(seconds) end

--- Iterate over what comes, until nothing came in that time.
---@param seconds? number for ever: until the node has stopped
---@return fun(): lares.Event?
function Inbox:events(seconds) end

function Inbox:close() end

--- A node, started. When nothing holds it, it is stopped.
---@class lares.Node
local Node = {}

---@param class lares.Class
---@return string? kind, string? text, string? code
function Node:register(class) end

---@param kind string
---@return true? done, string? text, string? code
function Node:unregister(kind) end

--- Load a plug-in; "lua" is the script host, whose argument is a file.
---@param path string
---@param argument? string
---@return true? done, string? text, string? code
function Node:load(path, argument) end

--- Start a daemon. Options: name, argument, subscribe (an array), publish,
--- identity (a Key), and those of the core, with `_` for `.`.
---@param kind string
---@param options? table
---@return lares.Daemon? daemon, string? text, string? code
function Node:spawn(kind, options) end

---@param origin integer
---@return lares.Daemon? daemon, string? text, string? code
function Node:find(origin) end

--- Publish to all receivers of a channel, or to none.
---@param channel string
---@param data string
---@param seconds? number 5
---@return true? done, string? text, string? code
function Node:publish(channel, data, seconds) end

--- Subscribe the program itself. Options: group, mailbox_count, mailbox_bytes,
--- mailbox_policy (refuse, or evict).
---@param pattern string
---@param options? table
---@return lares.Inbox? inbox, string? text, string? code
function Node:subscribe(pattern, options) end

---@param what string node, daemons, kinds, subscriptions, letters, counters
---@return table[]? rows, string? text, string? code
function Node:report(what) end

--- Let daemons run; 0 does all that is ready now.
---@param seconds? number until the node has stopped
---@return boolean? stopped, string? text, string? code
function Node:run(seconds) end

--- Stop, and wait for it; inside a callback this only asks.
---@param grace? number 30
---@return true? done, string? text, string? code
function Node:stop(grace) end

--- Stop at once.
---@return true? done, string? text, string? code
function Node:close() end

--- Nodes under a virtual clock, for tests.
---@class lares.World
local World = {}

---@param name string
---@param options? table
---@return lares.Node? node, string? text, string? code
function World:node(name, options) end

--- Let virtual time pass.
---@param seconds number
---@return true? done, string? text, string? code
function World:run(seconds) end

--- Do all that is ready now.
---@return true? done, string? text, string? code
function World:run_idle() end

local lares = {}

--- Make a class.
---@param kind string
---@param options? table of the registration: version, lane
---@return lares.Class
function lares.daemon(kind, options) end

--- Run a class, or one of an array, as a program: lines in, lines out.
---@generic T: lares.Class|lares.Class[]
---@param classes T
---@return T
function lares.main(classes) end

--- Make and start a node; all runs inside the call that waits.
---@param name string
---@param options? table letters_count, letters_bytes
---@return lares.Node? node, string? text, string? code
function lares.node(name, options) end

--- Make a simulated world; its entropy is drawn from the seed.
---@param seed integer
---@return lares.World? world, string? text, string? code
function lares.world(seed) end

--- Make an identity from a seed of 32 bytes, or a fresh one.
---@param seed? string
---@return lares.Key? key, string? text, string? code
function lares.key(seed) end

--- Make a verifier of one origin's chain that stands at its genesis.
---@param origin integer
---@return lares.Chain? chain, string? text, string? code
function lares.chain(origin) end

--- Show an id as people see it: 16 hex digits.
---@param id integer
---@return string
function lares.hex(id) end

return lares
