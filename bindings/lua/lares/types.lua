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
---@field replay boolean? it was handled before, and its outputs are dropped

--- A kind of daemon: define `process`, and what else you need.
---@class lares.Class
---@field kind string
---@field options table?
---@field argument string of an instance; there before `init`
---@field origin integer of an instance; there before `init`
---@field init fun(self: lares.Class)? again in each rebuild
---@field snapshot (fun(self: lares.Class): string|string[])? with restore
---@field restore fun(self: lares.Class, state: string)? with snapshot
---@field upgrade (fun(self: lares.Class, version: integer, state: string): string)? an older state, as restore reads it
---@field close fun(self: lares.Class)? the instance goes, in each rebuild too
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

--- Start a timer, which fires as an event with origin 0 and the timer's id as
--- its sequence; inside init and process only.
---@param seconds number
---@param data? string
---@param every? number the seconds from one firing to the next: once without
---@return integer? id, string? text, string? code
function Class:after(seconds, data, every) end

--- Cancel a timer; one that is gone is fine. Inside process only.
---@param id integer
---@return true? done, string? text, string? code
function Class:cancel(id) end

--- Repairs something on each tick, and answers with the slots it recovered.
---@alias lares.Slots nil|integer|(integer|{group: integer?, slot: integer})[]

--- A recovery handler, for node:register and for what a script returns.
---@class lares.Handler
---@field name string
---@field run fun(): lares.Slots

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
---@field epoch integer which life of its identity it is, from 1; 0: being made
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

--- Take a signed image of it: all that makes it. It runs on.
---@param seconds? number 30
---@return string? image, string? text, string? code
function Daemon:snapshot(seconds) end

--- Stop it and take its last image: the way to hand it over. Without an image
--- it has ended all the same.
---@param grace? number 30: for what it had accepted
---@return string? image, string? text, string? code
function Daemon:retire(grace) end

--- Forget its failures; one with `snapshot` is rebuilt after the turn that is
--- under way.
---@return true? done, string? text, string? code
function Daemon:restart() end

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

--- An ordered list of handlers; #recovery is their number.
---@class lares.Recovery
---@operator len: integer
local Recovery = {}

--- Append a handler, which runs from the next pass on. One that raises, or
--- answers what is no slot, is evicted.
---@param fn fun(): lares.Slots
---@param name? string a label
---@return integer? count, string? text, string? code
function Recovery:register(fn, name) end

--- Take a handler away; was there one?
---@param fn fun(): lares.Slots
---@return boolean? removed, string? text, string? code
function Recovery:remove(fn) end

--- Run every handler once. Inside a handler of its own it does nothing.
---@return {handler: integer, group: integer, slot: integer}[]? slots, string? text, string? code
function Recovery:run() end

--- List the handlers, and those evicted lately with why.
---@return table[]? rows, string? text, string? code
function Recovery:report() end

---@class lares.Letter
---@field id integer
---@field reason string
---@field text string
---@field data string? nil: it was too big to be kept

--- A node, started. When nothing holds it, it is stopped.
---@class lares.Node
---@field recovery lares.Recovery which each tick runs
local Node = {}

---@param what lares.Class|lares.Handler
---@return string? name, string? text, string? code
function Node:register(what) end

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

--- Start the daemon of an image. Options: identity (a Key; without it the
--- secret must be alive in this process), and those of spawn but for subscribe
--- and publish; one that is given replaces the image's.
---@param image string
---@param options? table
---@return lares.Daemon? daemon, string? text, string? code
function Node:restore(image, options) end

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

---@param what string node, daemons, kinds, subscriptions, letters, recovery, records, counters
---@return table[]? rows, string? text, string? code
function Node:report(what) end

--- List the dead letters: events that nobody could handle.
---@return lares.Letter[]? letters, string? text, string? code
function Node:letters() end

--- Send a letter's data to its receiver again, as a new event, and drop it.
---@param id integer
---@return true? done, string? text, string? code
function Node:replay(id) end

--- Drop a letter, or all: id 0.
---@param id integer
---@return true? done, string? text, string? code
function Node:drop(id) end

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
---@param options? table of the registration: version (of the state), lane
---@return lares.Class
function lares.daemon(kind, options) end

--- Make a recovery handler.
---@param name string
---@param fn fun(): lares.Slots
---@return lares.Handler
function lares.handler(name, fn) end

--- Make a recovery registry that stands alone.
---@return lares.Recovery? recovery, string? text, string? code
function lares.recovery() end

--- Run a class, or one of an array, as a program: lines in, lines out.
---@generic T: lares.Class|(lares.Class|lares.Handler)[]
---@param classes T
---@return T
function lares.main(classes) end

--- Make and start a node; all runs inside the call that waits.
---@param name string
---@param options? table tick_interval, letters_count, letters_bytes
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

--- Tell what an image says; it is checked as by a restore. Of two images of an
--- identity that lives once at a time the newer has the higher epoch, or else
--- arrival, or else time.
---@param image string
---@param what? string image (a row), subscriptions, options
---@return table[]? rows, string? text, string? code
function lares.image_report(image, what) end

--- Show an id as people see it: 16 hex digits.
---@param id integer
---@return string
function lares.hex(id) end

return lares
