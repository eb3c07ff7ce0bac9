local lares = require "lares"
local check = require "check"

local function echo(_, event) return event.data end

check.test("a node is started, and close ends it", function()
    local node = lares.node "east"
    local row = node:report("node")[1]
    check.equal(row.name, "east")
    check.equal(row.state, "READY")
    check.equal(row.lanes, 0)
    check.equal(node:run(0), false)
    check.equal(node:close(), true)
    check.equal(node:run(0), true)
    check.equal(node:close(), true)
    check.answers("ECLOSED", node:publish("ticks", "x"))
end)

-- id: LU03
check.test("a node of a Lua program has no lanes", function()
    check.raises("lanes is 2", lares.node, "east", {lanes = 2})
    check.raises("lanes is yes", lares.node, "east", {lanes = "yes"})
    check.equal(lares.node("east", {lanes = 0}):close(), true)
end)

check.test("names and options are checked", function()
    check.raises("string expected", lares.node)
    check.raises("ENAME", lares.node, "No Name")
    check.contains(check.raises("EOPTION", lares.node, "east",
        {colour = "red"}), "colour")
    check.raises("ERANGE", lares.node, "east", {letters_count = -1})
    check.raises("option colour is function", lares.node, "east",
        {colour = print})
    check.raises("no whole number", lares.node, "east", {colour = 1.5})
    check.raises("for a name", lares.node, "east", {"red"})
end)

check.test("a zero byte does not cut a text short", function()
    local node <close> = check.node()
    node:register(check.class("echo", echo))
    local function refused(...)
        check.raises("zero byte", ...)
    end
    refused(lares.node, "east\0")
    refused(lares.daemon, "a\0b")
    refused(node.publish, node, "a\0b", "x")
    refused(node.subscribe, node, "a\0b")
    refused(node.spawn, node, "echo\0")
    refused(node.spawn, node, "echo", {argument = "a\0b"})
    refused(node:spawn("echo").subscribe, node:spawn "echo", "a", "g\0")
end)

check.test("options take dots or underscores", function()
    local node <close> = lares.node("east", {["letters.count"] = 4})
    node:register(check.class("echo", echo))
    check.raises("ERANGE", node.spawn, node, "echo", {mailbox_count = 0})
    check.raises("ERANGE", node.spawn, node, "echo", {["mailbox.count"] = 0})
    assert(node:spawn("echo", {mailbox_count = 7}))
end)

check.test("spawn names what it cannot do", function()
    local node <close> = check.node()
    node:register(check.class("echo", echo))
    check.answers("EKIND", node:spawn "nothing")
    check.raises("ENAME", node.spawn, node, "echo", {subscribe = {"a..b"}})
    check.raises("subscribe holds number", node.spawn, node, "echo",
        {subscribe = {7}})
    check.raises("option identity is string, expected a lares.key",
        node.spawn, node, "echo", {identity = "seed"})
    check.raises("option identity is userdata, expected a lares.key",
        node.restore, node, "image", {identity = node})
end)

check.test("spawn takes an identity, and it is there once", function()
    local node <close> = check.node()
    node:register(check.class("echo", echo))
    local key = lares.key()
    local daemon = node:spawn("echo", {identity = key})
    check.equal(daemon.origin, key.origin)
    check.equal(daemon.identity.origin, key.origin)
    check.answers("EEXIST", node:spawn("echo", {identity = key}))
    check.equal(node:find(key.origin).origin, key.origin)
    check.answers("ENOTFOUND", node:find(key.origin + 1))
end)

check.test("find takes ids above 2^53 bit for bit", function()
    local node <close> = check.node()
    node:register(check.class("echo", echo))
    for _ = 1, 8 do
        local daemon = node:spawn "echo"
        check.equal(node:find(daemon.origin).origin, daemon.origin)
        check.equal(check.row(node, daemon).origin, daemon.origin)
    end
end)

check.test("publish reaches subscribers inside run", function()
    local seen = {}
    local daemon, node = check.daemon(function(_, event)
        seen[#seen + 1] = event.data
    end)
    check.equal(daemon:subscribe "ticks", true)
    check.equal(node:publish("ticks", "a"), true)
    check.equal(#seen, 0)
    node:run(0)
    check.equal(seen[1], "a")
    check.equal(daemon:unsubscribe "ticks", true)
    node:publish("ticks", "b")
    node:run(0)
    check.equal(#seen, 1)
end)

check.test("publish checks what it is given", function()
    local node <close> = check.node()
    check.raises("ENAME", node.publish, node, "a..b", "x")
    check.answers("EDENIED", node:publish("$lares", "x"))
    check.raises("string expected, got number", node.publish, node, "a", 7)
    check.raises("must not be negative", node.publish, node, "a", "x", -1)
    check.raises("number expected", node.publish, node, "a", "x", "soon")
end)

check.test("a full mailbox holds a publisher back", function()
    local taken = 0
    local _, node = check.daemon(function() taken = taken + 1 end,
        {subscribe = {"ticks"}, mailbox_count = 1})
    check.equal(node:publish("ticks", "a", 0), true)
    local text = check.answers("EAGAIN", node:publish("ticks", "b", 0))
    check.contains(text, "subject")
    check.equal(node:publish("ticks", "b", math.huge), true)
    check.equal(taken, 1)
    node:run(0)
    check.equal(taken, 2)
end)

check.test("queue groups share", function()
    local node <close> = check.node()
    local seen = 0
    node:register(check.class("echo", function() seen = seen + 1 end))
    local a, b = node:spawn "echo", node:spawn "echo"
    a:subscribe("ticks", "pool")
    b:subscribe("ticks", "pool")
    for _ = 1, 10 do node:publish("ticks", "x") end
    node:run(0)
    check.equal(seen, 10)
end)

check.test("report lists columns of every type", function()
    local daemon, node = check.daemon(echo, {name = "east-one"})
    daemon:deliver "x"
    local row = check.row(node, daemon)
    check.equal(row.name, "east-one")
    check.equal(row.kind, "subject")
    check.equal(row.state, "RUNNING")
    check.equal(row.sequence, 1)
    check.equal(math.type(row.origin), "integer")
    check.answers("ENOTFOUND", node:report "nothing")
    check.equal(#node:report "letters", 0)
end)

check.test("stop lets queued work be done, close loses none unseen",
    function()
        local done = 0
        local function count() done = done + 1 end
        local _, node = check.daemon(count, {subscribe = {"ticks"}})
        for _ = 1, 100 do node:publish("ticks", "x") end
        check.equal(node:stop(), true)
        check.equal(done, 100)
        _, node = check.daemon(count, {subscribe = {"ticks"}})
        for _ = 1, 100 do node:publish("ticks", "x") end
        check.equal(node:close(), true)
        check.equal(done + #node:report "letters", 200)
    end)

check.test("to-be-closed variables end what they hold", function()
    local outer
    do
        local node <close> = check.node()
        outer = node
        node:register(check.class("echo", echo))
        local kept
        do
            local daemon <close> = node:spawn "echo"
            kept = daemon
        end
        check.answers("ECLOSED", kept:send "x")
    end
    check.equal(outer:report("node")[1].state, "STOPPED")
end)

check.test("what has been closed says so", function()
    local function closed(made)
        local thing <close> = made
        return made
    end
    local recovery, key = closed(lares.recovery()), closed(lares.key())
    check.raises("ECLOSED: this lares.recovery", recovery.run, recovery)
    check.raises("ECLOSED: this lares.recovery", recovery.register, recovery,
        print)
    check.raises("ECLOSED: this lares.recovery", function()
        return #recovery
    end)
    check.raises("ECLOSED: this lares.key", key.seed, key)
    check.raises("ECLOSED: this lares.key", function() return key.origin end)
    local world = closed(lares.world(1))
    check.raises("ECLOSED: this lares.world", world.run, world, 1)
    local _, node = check.daemon(echo)
    check.raises("ECLOSED: this lares.key", node.spawn, node, "subject",
        {identity = key})
end)

check.test("a forgotten node ends, and its handles say so", function()
    local closed = false
    local class = check.class("echo", echo)
    class.close = function() closed = true end
    local node = lares.node "forgotten"
    node:register(class)
    local daemon = node:spawn "echo"
    local inbox = node:subscribe "out"
    node = nil
    collectgarbage()
    collectgarbage()
    check.equal(closed, true)
    check.answers("ECLOSED", daemon:deliver "x")
    check.answers("ECLOSED", inbox:next(0))
end)

check.test("handles of another type are refused", function()
    local daemon, node = check.daemon(echo)
    check.raises("lares.node", node.publish, daemon, "a", "x")
    check.raises("lares.handle", daemon.deliver, node, "x")
    check.equal(daemon.colour, nil)
    check.equal(node.colour, nil)
    check.equal(getmetatable(node), "lares.node")
end)

return check.run()
