--- Timers of daemons, in virtual time.
local lares = require "lares"
local check = require "check"

-- Make a world, a node, and a daemon with this process; stand.fired gets the
-- data of what comes by a timer.
local function stage(process, init)
    local stand = {fired = {}, world = lares.world(1)}
    local class = lares.daemon "subject"
    class.init = init
    function class:process(event)
        if event.origin == 0 then
            stand.fired[#stand.fired + 1] = event.data
        end
        return process and process(self, event, stand)
    end
    stand.class = class
    stand.node = stand.world:node "east"
    assert(stand.node:register(class))
    stand.daemon = assert(stand.node:spawn("subject",
        {subscribe = {"ticks"}, restart_initial = 1}))
    return stand
end

local function fired(stand) return table.concat(stand.fired, " ") end

-- Start the timers that `start` asks for, on the first event.
local function started(start)
    local stand = stage(function(self, event)
        if event.origin ~= 0 then return start(self, event) end
    end)
    assert(stand.daemon:deliver "go")
    return stand
end

-- id: BT01
check.test("a timer fires once, exactly then", function()
    local id
    local stand = started(function(self) id = self:after(1.5, "late") end)
    check.equal(id, 1)
    stand.world:run(1.499)
    check.equal(fired(stand), "")
    stand.world:run(0.001)
    check.equal(fired(stand), "late")
    stand.world:run(10)
    check.equal(fired(stand), "late")
end)

check.test("a firing is an event outside every chain", function()
    local seen
    local stand = stage(function(self, event)
        if event.origin ~= 0 then self:after(0.1) return nil end
        seen = {event.sequence, event.data, event.channel, event.parent,
            event.arrival, event.replay}
        return "out"
    end)
    assert(stand.daemon:deliver "go")
    stand.world:run(1)
    check.equal(seen[1], 1)
    check.equal(seen[2], "")
    check.equal(seen[3], nil)
    check.equal(seen[4], 0)
    check.equal(seen[5], 2)
    check.equal(seen[6], false)
    check.equal(check.row(stand.node, stand.daemon).sequence, 1)
end)

-- id: BT01
check.test("with every it fires again, until it is cancelled", function()
    local id
    local stand = stage(function(self, event, stand)
        if event.data == "go" then id = self:after(0.1, "tick", 0.5) end
        if #stand.fired == 3 then check.equal(self:cancel(id), true) end
    end)
    assert(stand.daemon:deliver "go")
    stand.world:run(0.2)
    check.equal(#stand.fired, 1)
    stand.world:run(0.4)
    check.equal(#stand.fired, 2)
    stand.world:run(10)
    check.equal(#stand.fired, 3)
end)

check.test("a cancel of what is gone is fine", function()
    local stand = started(function(self)
        check.equal(self:cancel(self:after(1)), true)
        check.equal(self:cancel(1), true)
        check.equal(self:cancel(99), true)
    end)
    stand.world:run(2)
    check.equal(fired(stand), "")
end)

check.test("a timer of init counts once, whatever is rebuilt", function()
    local fired = 0
    local class = check.counter "subject"
    local process = class.process
    function class:init()
        self.n = 0
        self:after(1, "first")
    end
    function class:process(event)
        fired = fired + (event.data == "first" and 1 or 0)
        return process(self, event)
    end
    local world = lares.world(1)
    local node = world:node "east"
    node:register(class)
    local daemon = node:spawn "subject"
    check.answers("ECALLBACK", daemon:deliver "bad")
    world:run(5)
    check.equal(fired, 1)
end)

-- id: BT01
check.test("a failing turn starts none, and cancels none", function()
    local id
    local stand = stage(function(self, event)
        if event.data == "go" then id = self:after(1, "kept") end
        if event.data == "bad" then
            self:after(0.5, "lost")
            self:cancel(id)
            error "bad line"
        end
    end)
    assert(stand.daemon:deliver "go")
    check.answers("ECALLBACK", stand.daemon:deliver "bad")
    stand.world:run(5)
    check.equal(fired(stand), "kept")
end)

-- id: BT02
check.test("a timer travels with the time that is left", function()
    local class = lares.daemon "subject"
    local seen = {}
    function class:process(event)
        if event.origin ~= 0 then self:after(2, "late") return nil end
        seen[#seen + 1] = event.data
    end
    local world = lares.world(1)
    local node = world:node "east"
    node:register(class)
    local daemon = node:spawn "subject"
    daemon:deliver "go"
    world:run(0.5)
    local image = assert(daemon:snapshot())
    daemon:stop()
    world:run(10)
    check.equal(#seen, 0)
    assert(node:restore(image))
    world:run(1.499)
    check.equal(#seen, 0)
    world:run(0.001)
    check.equal(seen[1], "late")
    world:run(10)
    check.equal(#seen, 1)
end)

-- id: BT02
check.test("a rebuild doubles no timer, and gives the same ids", function()
    local ids = {}
    local class = check.counter "subject"
    local process = class.process
    function class:process(event)
        if event.origin == 0 then ids.fired = (ids.fired or 0) + 1 end
        if event.data == "go" then
            ids[event.replay] = self:after(1, "late")
        end
        return process(self, event)
    end
    local world = lares.world(1)
    local node = world:node "east"
    node:register(class)
    local daemon = node:spawn "subject"
    daemon:deliver "go"
    check.answers("ECALLBACK", daemon:deliver "bad")
    check.equal(ids[true], ids[false])
    world:run(5)
    check.equal(ids.fired, 1)
end)

-- Deliver to a daemon that starts a timer wrongly, and return why it failed.
local function failure(...)
    local args = table.pack(...)
    local daemon = check.daemon(function(self)
        self:after(table.unpack(args, 1, args.n))
    end)
    return check.answers("ECALLBACK", daemon:deliver "x")
end

check.test("times and data are checked", function()
    check.contains(failure(), "number expected")
    check.contains(failure "soon", "number expected")
    check.contains(failure(-1), "must not be negative")
    check.contains(failure(math.huge), "cannot wait for ever")
    check.contains(failure(0 / 0), "must not be negative")
    check.contains(failure(1, 7), "string expected")
    check.contains(failure(1, "x", 0), "a period must not be 0")
    check.contains(failure(1, "x", -1), "must not be negative")
    check.contains(failure(1, ("x"):rep(4097)), "ETOOBIG")
end)

-- id: BT01
check.test("the 1 025th timer is ELIMIT, and its turn fails", function()
    local code
    local daemon = check.daemon(function(self)
        local ok
        repeat
            ok, _, code = self:after(1)
        until not ok
    end)
    check.quickly(function()
        check.answers("ECALLBACK", daemon:deliver "x")
    end)
    check.equal(code, "ELIMIT")
end)

check.test("after and cancel belong to their callbacks", function()
    local object
    local class = check.class("subject", function(self) object = self end)
    class.init = function(self) self:cancel(1) end
    local node = check.node()
    node:register(class)
    check.contains(check.answers("ECALLBACK", node:spawn "subject"),
        "cancel works inside process only")
    class.init = nil
    node:spawn("subject"):deliver "x"
    check.raises("after works inside init and process only", object.after,
        object, 1)
    check.raises("cancel works inside process only", object.cancel, object, 1)
    check.raises("after works", class.after, {}, 1)
end)

return check.run()
